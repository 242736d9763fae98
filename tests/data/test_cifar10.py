import gzip
import hashlib
import io
import tarfile
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koubai.core.errors import DataError
from koubai.data import Cifar10
from support.data_files import mutated

FILES = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
ARCHIVE = "cifar-10-binary.tar.gz"


def batch(label: int, count: int = 2) -> bytes:
    """Records whose red, green and blue planes hold label, 50 + label and 100 + label."""
    pixels = b"".join(bytes([plane + label]) * 1024 for plane in (0, 50, 100))
    return (bytes([label]) + pixels) * count


def contents() -> dict[str, bytes]:
    return {name: batch(i) for i, name in enumerate(FILES)}


def archive(files: dict[str, bytes], folder: str = "cifar-10-batches-bin/") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        for name, content in ({"readme.html": b"hello"} | files).items():
            member = tarfile.TarInfo(folder + name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture(autouse=True)
def no_mirrors(monkeypatch):
    monkeypatch.setattr(Cifar10, "archive", replace(Cifar10.archive, mirrors=()))


def check(dataset) -> None:
    assert dataset.x_train.shape == (10, 3, 32, 32)
    assert dataset.t_train.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert dataset.t_test.tolist() == [5, 5]
    for x, t in zip(dataset.x_train, dataset.t_train, strict=True):
        for plane, values in zip((0, 50, 100), x, strict=True):
            np.testing.assert_allclose(values, (plane + t) / 255, rtol=1e-6)
    assert dataset.class_names[3] == "cat"


@pytest.mark.parametrize("folder", ["cifar10", "cifar10/cifar-10-batches-bin", "cifar-10-batches-bin", "."])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_records_are_read_from_their_files(tmp_path, folder, pack):
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for name, content in contents().items():
        (tmp_path / folder / name).write_bytes(pack(content))
    dataset = Cifar10().load(tmp_path)
    check(dataset)
    assert dataset.files[0].sha256 == hashlib.sha256(batch(0)).hexdigest()


def test_records_are_read_from_the_archive(tmp_path):
    (tmp_path / ARCHIVE).write_bytes(archive(contents()))
    dataset = Cifar10().load(tmp_path)
    check(dataset)
    assert [file.published for file in dataset.files] == [False]


def test_the_archive_is_downloaded_and_in_the_cache_must_be_the_published_one(monkeypatch, mirror, own_cache):
    packed = archive(contents())
    digest = hashlib.sha256(packed).hexdigest()
    monkeypatch.setattr(Cifar10, "archive", replace(Cifar10.archive, sha256=digest, mirrors=(mirror.url,)))
    mirror.files[f"/{ARCHIVE}"] = packed
    dataset = Cifar10().load()
    check(dataset)
    assert [file.published for file in dataset.files] == [True]
    (own_cache / "cifar10" / ARCHIVE).write_bytes(archive({name: batch(1) for name in FILES}))
    with pytest.raises(DataError, match=r"not the published file(?s:.*)delete it"):
        Cifar10().load()


def test_without_files_and_network_the_error_names_the_archive_and_the_folder(tmp_path):
    with pytest.raises(DataError, match=rf"these files in {tmp_path / 'cifar10'}(?s:.*){ARCHIVE}"):
        Cifar10().load(tmp_path)


WRONG = {
    "empty": (b"", "not whole records"),
    "half a record": (batch(1)[:-1], "a multiple of 3073 bytes"),
    "a label of 10": (batch(10), r"not a class(?s:.*)0 \.\. 9(?s:.*)10"),
    "too long": (bytes(60_000 * 3073 + 3073), "at most 184,380,000"),
}


@pytest.mark.parametrize(("wrong", "sentence"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("packed", [False, True])
def test_wrong_files_are_one_clear_error_that_names_them(tmp_path, wrong, sentence, packed):
    files = contents() | {"data_batch_3.bin": wrong}
    if packed:
        (tmp_path / ARCHIVE).write_bytes(archive(files))
    else:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence) as caught:
        Cifar10().load(tmp_path)
    assert "data_batch_3.bin" in str(caught.value)


def test_an_archive_that_lacks_a_file_or_hides_it_behind_a_link_is_an_error(tmp_path):
    files = contents()
    del files["data_batch_2.bin"]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        link = tarfile.TarInfo("../../data_batch_2.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    (tmp_path / ARCHIVE).write_bytes(packed.getvalue())
    with pytest.raises(DataError, match=r"files are missing in the archive(?s:.*)data_batch_2\.bin"):
        Cifar10().load(tmp_path)


def test_a_bomb_is_left_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("koubai.data.sources.cifar10.MAX_ARCHIVE", 10 << 20)
    # A header that promises 60 MB of extended attributes, which tarfile would take into memory whole.
    header = tarfile.TarInfo("attributes")
    header.type, header.size = tarfile.XHDTYPE, 60 << 20
    (tmp_path / ARCHIVE).write_bytes(gzip.compress(header.tobuf() + bytes(60 << 20)))
    tracemalloc.start()
    with pytest.raises(DataError, match="too large when unpacked"):
        Cifar10().load(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_archives_give_a_data_error_or_true_arrays(tmp_path, data):
    mutant = data.draw(mutated(SMALL))
    (tmp_path / ARCHIVE).write_bytes(gzip.compress(mutant, compresslevel=1))
    try:
        dataset = Cifar10().load(tmp_path)
    except DataError:
        return
    assert dataset.x_train.shape[1:] == (3, 32, 32)
    assert 0 <= dataset.t_train.min() <= dataset.t_train.max() < 10


SMALL = gzip.decompress(archive({name: batch(i, 1) for i, name in enumerate(FILES)}))
