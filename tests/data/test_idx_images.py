import shutil

import numpy as np
import pytest

from koubai.core.errors import DataError
from koubai.data import FashionMnist, Mnist
from support.data_files import NAMES, idx, publish, small_set, write


@pytest.fixture(autouse=True)
def no_mirrors(monkeypatch):
    for source in (Mnist, FashionMnist):
        monkeypatch.setattr(source, "mirrors", ())


LAYOUTS = {
    "subfolder": ("mnist", str),
    "as the other library lays them": ("MNIST/raw", str),
    "in the folder itself": (".", str),
    "with dots": ("mnist", lambda name: name.replace("-idx", ".idx")),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("folder", "spelling"), LAYOUTS.values(), ids=LAYOUTS)
def test_files_are_found_in_every_usual_layout(tmp_path, folder, spelling, packed):
    files = small_set()
    write(tmp_path / folder, {spelling(name): content for name, content in files.items()}, packed=packed)
    dataset = Mnist().load(tmp_path)
    assert dataset.x_train.shape == (30, 1, 28, 28)
    assert dataset.t_train.tolist() == [*range(10)] * 3
    assert dataset.classes == 10
    pixels = np.frombuffer(files[NAMES[0]][16:], np.uint8).reshape(30, 1, 28, 28)
    np.testing.assert_array_equal(dataset.x_train, pixels / np.float32(255))


def test_the_folder_given_wins_over_the_environment_which_wins_over_the_cache(
    tmp_path, monkeypatch, own_cache
):
    folders = [tmp_path / "given", tmp_path / "environment", own_cache]
    for seed, folder in enumerate(folders):
        write(folder / "mnist", small_set(train=10 + seed))
    monkeypatch.setattr(Mnist, "published", publish(small_set(train=12)))
    assert len(Mnist().load().x_train) == 12
    monkeypatch.setenv("KOUBAI_DATA", str(folders[1]))
    assert len(Mnist().load().x_train) == 11
    assert len(Mnist().load(folders[0]).x_train) == 10


def test_a_folder_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no such folder"):
        Mnist().load(tmp_path / "nothing")
    monkeypatch.setenv("KOUBAI_DATA", str(tmp_path / "nothing"))
    with pytest.raises(DataError, match=r"KOUBAI_DATA: no such folder"):
        Mnist().load()


def test_files_of_ones_own_are_taken_and_their_digests_recorded(tmp_path, monkeypatch):
    files = small_set()
    write(tmp_path / "mnist", files)
    assert [file.published for file in Mnist().load(tmp_path).files] == [False] * 4
    monkeypatch.setattr(Mnist, "published", publish(files))
    recorded = Mnist(train=5).load(tmp_path).files
    assert [(file.name, file.sha256, file.published) for file in recorded] == [
        (f"mnist/{file.name}", file.unpacked, True) for file in publish(files)
    ]


def test_in_the_cache_only_the_published_files_will_do(own_cache):
    write(own_cache / "mnist", small_set())
    with pytest.raises(DataError, match=r"not the published file(?s:.*)ba891046(?s:.*)delete it"):
        Mnist().load()


def test_files_of_another_set_are_recognized(tmp_path, monkeypatch):
    clothes = small_set(seed=1)
    monkeypatch.setattr(FashionMnist, "published", publish(clothes))
    write(tmp_path, clothes)
    assert len(FashionMnist().load(tmp_path).x_train) == 30
    with pytest.raises(DataError, match=r"belongs to fashion_mnist(?s:.*)a file of mnist"):
        Mnist().load(tmp_path)


WRONG = {
    "fewer labels": ({NAMES[1]: idx(np.zeros(29, np.uint8))}, "differ in number(?s:.*)30 labels(?s:.*)29"),
    "a label of 10": ({NAMES[3]: idx(np.full(10, 10, np.uint8))}, r"not a class(?s:.*)0 \.\. 9(?s:.*)10"),
    "larger pictures": ({NAMES[2]: idx(np.zeros((10, 32, 32), np.uint8))}, "another shape"),
    "swapped": ({NAMES[0]: small_set()[NAMES[1]]}, "swapped"),
    "nothing in it": (
        {NAMES[0]: idx(np.zeros((0, 28, 28), np.uint8)), NAMES[1]: idx(np.zeros(0, np.uint8))},
        "^mnist: no training samples",
    ),
}


@pytest.mark.parametrize(("wrong", "sentence"), WRONG.values(), ids=WRONG)
def test_files_that_do_not_belong_together_are_one_clear_error(tmp_path, wrong, sentence):
    write(tmp_path, small_set() | wrong)
    with pytest.raises(DataError, match=sentence):
        Mnist().load(tmp_path)


def test_what_is_loaded_is_shared_until_a_file_changes(tmp_path):
    write(tmp_path, small_set())
    first = Mnist().load(tmp_path)
    assert Mnist().load(tmp_path) is first
    write(tmp_path, small_set(train=20))
    assert len(Mnist().load(tmp_path).x_train) == 20
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    with pytest.raises(DataError, match="could not be downloaded"):
        Mnist().load(tmp_path)
