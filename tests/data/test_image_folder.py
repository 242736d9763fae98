import io
import os
import struct
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from koubai.core.errors import DataError, TooLarge
from koubai.data import ImageFolder
from koubai.data.sources.image_folder import read_picture
from support.data_files import mutated


def picture(
    color: tuple[int, int, int] = (10, 20, 30), size: tuple[int, int] = (8, 6), kind: str = "PNG"
) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    return file.getvalue()


def fill(folder: Path, count: int = 5, first: int = 0) -> Path:
    """`count` pictures in each of the folders cat and dog, the i-th of red first + i."""
    for blue, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            (folder / name / f"{i:03}.png").write_bytes(picture((first + i, 0, blue)))
    return folder


def test_every_folder_is_a_class_and_every_picture_is_in_one_part(tmp_path):
    fill(tmp_path / "pets", 10)
    (tmp_path / "pets" / "notes.txt").write_text("not a class")
    (tmp_path / "pets" / ".hidden").mkdir()
    (tmp_path / "pets" / "cat" / "notes.txt").write_text("not a picture")
    dataset = ImageFolder("pets", size=(4, 5), scale="bytes").load(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert dataset.x_train.shape == (16, 3, 4, 5)
    assert dataset.x_test.shape == (4, 3, 4, 5)
    for part in ("train", "test"):
        x, t = getattr(dataset, f"x_{part}"), getattr(dataset, f"t_{part}")
        np.testing.assert_array_equal(x[:, 2, 0, 0], t)
    seen = np.concatenate([dataset.x_train, dataset.x_test])[:, :, 0, 0]
    assert sorted(map(tuple, seen.tolist())) == [(i, 0, k) for i in range(10) for k in range(2)]
    other = ImageFolder("pets", size=(4, 5), scale="bytes", split_seed=1).load(tmp_path)
    assert (other.x_train != dataset.x_train).any()


def test_the_split_of_a_class_does_not_depend_on_the_others(tmp_path):
    fill(tmp_path, 10)

    def cats(label: int) -> list[float]:
        dataset = ImageFolder(str(tmp_path), scale="bytes").load()
        return sorted(dataset.x_test[dataset.t_test == label][:, 0, 0, 0].tolist())

    before = cats(0)
    (tmp_path / "ant").mkdir()
    (tmp_path / "ant" / "1.png").write_bytes(picture())
    assert cats(1) == before
    assert len(before) == 2


def test_folders_train_and_test_are_taken_as_they_are(tmp_path):
    fill(tmp_path / "train", 3)
    fill(tmp_path / "test", 2, first=100)
    dataset = ImageFolder(str(tmp_path), scale="bytes").load()
    assert (len(dataset.x_train), len(dataset.x_test)) == (6, 4)
    assert dataset.x_test.min(axis=(1, 2, 3)).tolist() == [0] * 4
    assert sorted(dataset.x_test[:, 0, 0, 0].tolist()) == [100, 100, 101, 101]
    (tmp_path / "test" / "cow").mkdir()
    (tmp_path / "test" / "cow" / "1.png").write_bytes(picture())
    with pytest.raises(DataError, match=r"training part does not have(?s:.*)cat, dog(?s:.*)cow"):
        ImageFolder(str(tmp_path)).load()


def test_a_picture_is_cut_to_its_middle_and_brought_to_size(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = (200, 100, 50)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    pixels = read_picture(tmp_path / "wide.png", (5, 5), color=True)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.broadcast_to(np.array([200, 100, 50])[:, None, None], (3, 5, 5)))
    gray = read_picture(tmp_path / "wide.png", (5, 5), color=False)
    assert gray.shape == (1, 5, 5)
    # ITU-R 601-2: L = .299 R + .587 G + .114 B
    assert abs(int(gray[0, 2, 2]) - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)) <= 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK"])
def test_every_usual_mode_becomes_color_or_gray(tmp_path, mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    path = tmp_path / f"picture.{kind.lower()}"
    Image.new("RGB", (6, 6), (255, 255, 255)).convert(mode).save(path, kind)
    assert read_picture(path, (3, 3), color=True).min() >= 254
    assert read_picture(path, (3, 3), color=False).shape == (1, 3, 3)


def test_a_photograph_taken_sideways_is_turned(tmp_path):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 255
    turned = Image.fromarray(pixels)
    exif = turned.getexif()
    exif[0x0112] = 6  # the camera was turned: the first row is the right side
    turned.save(tmp_path / "photo.png", exif=exif)
    seen = read_picture(tmp_path / "photo.png", (8, 8), color=False)[0]
    assert seen[:, 5:].min() == 255
    assert seen[:, :3].max() == 0


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises width x height and whose rows are zeros, packed."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes((width + 1) * min(height, 4000)), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def deep() -> bytes:
    file = io.BytesIO()
    Image.new("I;16", (4, 4)).save(file, "PNG")
    return file.getvalue()


HOSTILE = {
    "text": (b"hello", "damaged, or not what its name says(?s:.*)UnidentifiedImageError"),
    "empty": (b"", "damaged, or not what its name says"),
    "cut": (picture(size=(60, 60))[:-30], "damaged, or not what its name says"),
    "a bomb": (bomb(20_000, 20_000), "too many pixels|DecompressionBomb"),
    "below Pillow's limit": (bomb(8000, 8000), r"too many pixels(?s:.*)<= 50,000,000(?s:.*)8000 x 8000"),
    "16 bits": (deep(), r"not 8 bits per channel(?s:.*)I;16"),
    "another format under this name": (picture(kind="GIF"), "damaged, or not what its name says"),
}


@pytest.mark.parametrize(("content", "sentence"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.filterwarnings("error")
def test_a_hostile_picture_is_one_clear_error_that_names_it(tmp_path, content, sentence):
    fill(tmp_path)
    (tmp_path / "dog" / "evil.png").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(DataError, match=sentence) as caught:
        ImageFolder(str(tmp_path)).load()
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
    assert "evil.png" in str(caught.value)


def link(target: Path, place: Path) -> None:
    try:
        place.symlink_to(target)
    except OSError as error:
        pytest.skip(f"no links on this system: {error}")


def test_links_stay_inside_the_folder(tmp_path):
    home = fill(tmp_path / "pets")
    outside = tmp_path / "private.png"
    outside.write_bytes(picture())
    link(home / "cat" / "000.png", home / "dog" / "copy.png")
    assert len(ImageFolder(str(home), test_share=0).load().x_train) == 11
    link(outside, home / "dog" / "evil.png")
    with pytest.raises(DataError, match=r"evil\.png: a link that leads out(?s:.*)private\.png"):
        ImageFolder(str(home)).load()
    (home / "dog" / "evil.png").unlink()
    link(outside.parent, home / "zebra")
    with pytest.raises(DataError, match="a link that leads out"):
        ImageFolder(str(home)).load()


@pytest.mark.parametrize("kind", ["broken", "loop", "pipe", "folder"])
def test_what_only_looks_like_a_picture_is_an_error_and_never_waited_for(tmp_path, kind):
    home = fill(tmp_path / "pets")
    evil = home / "dog" / "evil.png"
    if kind == "broken":
        link(home / "dog" / "nothing.png", evil)
    elif kind == "loop":
        link(evil, evil)
    elif kind == "pipe":
        os.mkfifo(evil)
    else:
        evil.mkdir()
    with pytest.raises(DataError, match=r"evil\.png"):
        ImageFolder(str(home)).load()


EMPTY = {
    "no class": (lambda home: None, "no folders of classes"),
    "an empty class": (lambda home: (home / "ant").mkdir(), r"ant: a class without pictures(?s:.*)PNG, JPEG"),
    "an unread format": (lambda home: fill(home) and (home / "cat" / "a.webp").touch(), "convert it to PNG"),
}


@pytest.mark.parametrize(("make", "sentence"), EMPTY.values(), ids=EMPTY)
def test_a_folder_without_what_is_needed_says_what_is_needed(tmp_path, make, sentence):
    (tmp_path / "pets").mkdir()
    make(tmp_path / "pets")
    with pytest.raises(DataError, match=sentence):
        ImageFolder("pets").load(tmp_path)


def test_a_path_is_a_folder_inside_the_data_folder_or_absolute(tmp_path):
    fill(tmp_path / "pets")
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match="leads out of the data folder"):
        ImageFolder("../pets").load(tmp_path / "data")
    with pytest.raises(DataError, match="is not there"):
        ImageFolder("cats").load(tmp_path)
    with pytest.raises(DataError, match="not a folder"):
        ImageFolder("pets/cat/000.png").load(tmp_path)
    with pytest.raises(TooLarge, match=r"more memory than this machine has(?s:.*)data 2.4e\+04 YB"):
        ImageFolder("pets", size=(10**13, 10**14)).load(tmp_path)


def test_without_pillow_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    fill(tmp_path)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=r"pip install 'koubai\[images\]'"):
        ImageFolder(str(tmp_path)).load()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "PPM"])
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_pictures_give_a_data_error_or_a_true_picture(tmp_path, kind, data):
    path = tmp_path / "picture"
    path.write_bytes(data.draw(mutated(picture(kind=kind))))
    try:
        pixels = read_picture(path, (4, 4), color=True)
    except DataError:
        return
    assert pixels.shape == (3, 4, 4)
    assert pixels.dtype == np.uint8
