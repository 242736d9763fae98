import gzip

import pytest

from koubai.core.errors import DataError
from koubai.data import Mnist
from koubai.data.download import Download, fetch
from support.data_files import NAMES, publish, small_set

FILES = small_set()
PUBLISHED = publish(FILES)


@pytest.fixture
def mnist(monkeypatch, mirror):
    """MNIST as if the small set were the published one, on two mirrors of which the first is empty."""
    monkeypatch.setattr(Mnist, "published", PUBLISHED)
    monkeypatch.setattr(Mnist, "mirrors", (f"{mirror.url}/first", f"{mirror.url}/second"))
    for name, content in FILES.items():
        mirror.files[f"/second/{name}.gz"] = gzip.compress(content, mtime=0)
    return Mnist()


def test_mirrors_are_tried_in_turn_and_files_are_kept(mnist, mirror, own_cache):
    assert len(mnist.load().x_train) == 30
    assert mirror.asked == [f"/{where}/{name}.gz" for name in NAMES for where in ("first", "second")]
    assert sorted(path.name for path in (own_cache / "mnist").iterdir()) == sorted(
        f"{name}.gz" for name in NAMES
    )
    mirror.asked.clear()
    assert all(file.published for file in Mnist(train=3).load().files)
    assert mirror.asked == []


def test_a_download_goes_into_the_folder_one_names(mnist, tmp_path, own_cache):
    mnist.load(tmp_path)
    assert len(list((tmp_path / "mnist").iterdir())) == 4
    assert not own_cache.exists()


def test_only_what_is_missing_is_fetched(mnist, mirror, tmp_path):
    mnist.load(tmp_path)
    (tmp_path / "mnist" / f"{NAMES[2]}.gz").unlink()
    mirror.asked.clear()
    mnist.load(tmp_path)
    assert {path.rpartition("/")[2] for path in mirror.asked} == {f"{NAMES[2]}.gz"}


@pytest.mark.parametrize(
    "answer",
    [b"<html>sign in to this network</html>", gzip.compress(b"other", mtime=0), 500],
    ids=["page", "other", "error"],
)
def test_a_mirror_with_wrong_bytes_is_passed_over_and_nothing_of_it_kept(mnist, mirror, tmp_path, answer):
    for name in NAMES:
        mirror.files[f"/first/{name}.gz"] = answer
    assert all(file.published for file in mnist.load(tmp_path).files)


def test_when_no_mirror_helps_one_error_says_what_to_put_where(mnist, mirror, tmp_path, monkeypatch):
    closed = "http://127.0.0.1:9"  # the discard port: nobody listens
    monkeypatch.setattr(Mnist, "mirrors", (closed, f"{mirror.url}/first", f"{mirror.url}/wrong"))
    for name in NAMES:
        mirror.files[f"/wrong/{name}.gz"] = b"wrong"
    with pytest.raises(DataError) as caught:
        mnist.load(tmp_path)
    text = str(caught.value)
    assert f"in {tmp_path / 'mnist'}" in text
    assert all(f"{name}.gz" in text for name in NAMES)
    assert f"{closed}: no connection" in text
    assert "404" in text
    assert "the file is another one" in text
    assert "--data-dir or KOUBAI_DATA" in text
    assert not list(tmp_path.glob("**/*.gz"))


def test_a_folder_that_cannot_be_written_is_an_error(mirror, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    file = Download("a.gz", "0" * 64, (mirror.url,))
    with pytest.raises(DataError, match="could not be downloaded"):
        fetch(file, blocked / "mnist", "mnist", ("a.gz",))
