import io
import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koubai.core.errors import DataError, KoubaiError
from koubai.data import NpzFile, arrays
from koubai.data.idx import read_idx
from koubai.lab.declare.experiment_file import read_experiment
from koubai.train.recipe import Recipe
from support.data_files import mutated

X = np.arange(24, dtype=np.float32).reshape(8, 3)
T = np.arange(8) % 2
NAMES = np.array(list("abababab"))


def npz(*, packed: bool = False, **content: np.ndarray) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **content)
    return file.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def npy(shape: str, descr: str = "'<f4'", body: bytes = b"") -> bytes:
    """The bytes of an .npy file with a header of one's own."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def load(tmp_path: Path, content: bytes, **options):
    (tmp_path / "data.npz").write_bytes(content)
    return NpzFile("data.npz", **options).load(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("t", ["t", "y"])
def test_a_file_gives_the_same_as_its_arrays(tmp_path, packed, t):
    one = load(tmp_path, npz(packed=packed, x=X, **{t: T}))
    assert one.sha256 == arrays(X, T).load().sha256
    parts = {"x_train": X, f"{t}_train": T, "x_test": X[:2], f"{t}_test": T[:2]}
    two = load(tmp_path, npz(packed=packed, **parts), scale="unit")
    assert two.sha256 == arrays(X, T, X[:2], T[:2], scale="unit").load().sha256


def test_arrays_by_columns_and_names_of_classes_come_out_right(tmp_path):
    dataset = load(tmp_path, npz(x_train=np.asfortranarray(X), t_train=NAMES, x_test=X[:2], t_test=NAMES[:2]))
    np.testing.assert_array_equal(dataset.x_train, X)
    assert dataset.class_names == ("a", "b")
    (file,) = dataset.files
    assert (file.name, file.published) == ("data.npz", None)


def test_the_path_is_absolute_or_inside_the_data_folder(tmp_path):
    load(tmp_path, npz(x=X, t=T))
    (tmp_path / "sub").mkdir()
    assert len(NpzFile(str(tmp_path / "data.npz")).load().x_train) == 6
    with pytest.raises(DataError, match=r"leads out of the data folder(?s:.*)absolute"):
        NpzFile("../data.npz").load(tmp_path / "sub")
    with pytest.raises(DataError, match="is not there"):
        NpzFile("other.npz").load(tmp_path)


class Bomb:
    """An object whose unpickling leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


def test_objects_in_a_file_are_refused_unread(tmp_path):
    trace = tmp_path / "trace"
    with pytest.raises(DataError, match="not an array of numbers"):
        load(tmp_path, npz(x=np.array([Bomb(trace)] * 8), t=T))
    assert not trace.exists()


HOSTILE = {
    "text": (b"hello", "BadZipFile"),
    "nothing in it": (zipped({}), r"arrays are missing(?s:.*)x_train\.npy, t_train\.npy(?s:.*)an empty file"),
    "no targets": (npz(x=X), r"arrays are missing(?s:.*)t_train\.npy(?s:.*)x\.npy"),
    "cut": (npz(x=X, t=T)[:-30], "damaged"),
    "not an array": (zipped({"x.npy": b"text", "t.npy": b"text"}), "damaged"),
    "huge shape": (zipped({"x.npy": npy("(1000000, 1000000)"), "t.npy": npy("(8,)")}), "size does not match"),
    "negative shape": (zipped({"x.npy": npy("(-2, -3)", body=bytes(24)), "t.npy": npy("(2,)")}), "damaged"),
    "calls in the header": (zipped({"x.npy": npy("__import__('os')"), "t.npy": npy("(2,)")}), "damaged"),
    "other packing": (zipped({"x.npy": npy("(0,)"), "t.npy": b""}, zipfile.ZIP_BZIP2), "stored or deflated"),
    "NaN": (npz(x=X * np.nan, t=T), "not finite"),
}


@pytest.mark.parametrize(("content", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_one_clear_error_that_names_it(tmp_path, content, sentence):
    with pytest.raises(DataError, match=sentence) as caught:
        load(tmp_path, content)
    assert "data.npz" in str(caught.value)


def test_memory_follows_what_is_there(tmp_path):
    # The entry says it unpacks to 2 GB: more than deflate can make of its size on disk.
    content = bytearray(zipped({"x.npy": npy("(8, 3)", body=bytes(96)), "t.npy": npy("(8,)")}))
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (2 << 30).to_bytes(4, "little")
    tracemalloc.start()
    with pytest.raises(DataError, match="cannot be in this file"):
        load(tmp_path, bytes(content))
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1000, 8000), (200_000, 40)], ids=str)
def test_reading_takes_at_most_half_more_than_what_is_declared(tmp_path, shape, dtype, order, packed):
    x, t = np.zeros(shape, dtype, order), np.zeros(shape[0], np.int8)
    (tmp_path / "data.npz").write_bytes(npz(packed=packed, x=x, t=t))
    NpzFile("data.npz").read(tmp_path)  # imports
    tracemalloc.start()
    NpzFile("data.npz").read(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * (x.nbytes + t.nbytes) + 32 * len(t)  # an order of the samples, and labels in int64


@pytest.mark.parametrize(
    ("dtype", "scale", "most"),
    [
        ("f4", "raw", 1.3),
        ("f4", "unit", 1.3),
        ("f4", "standard", 1.5),
        ("f8", "raw", 1.6),
        ("u1", "unit", 1.3),
        ("i2", "raw", 1.8 * 2),  # what is kept has twice as many bytes
    ],
)
def test_loading_takes_little_more_than_what_is_declared(tmp_path, dtype, scale, most):
    x = np.zeros((4000, 1000), dtype)
    x[::2] = 1
    np.savez(tmp_path / "data.npz", x=x, t=np.zeros(len(x), np.int8))
    NpzFile("data.npz", scale=scale, test_share=0.5).load(tmp_path)  # imports
    source = NpzFile("data.npz", scale=scale)
    tracemalloc.start()
    data = source.load(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < most * x.nbytes + 3e6  # the file is read a megabyte at a time
    low, high = np.unique(data.x_train)
    width = {"u1": 1 / 255}.get(dtype, 2 if scale == "standard" else 1)
    assert high - low == pytest.approx(width, rel=1e-3)  # nearly half of a random part is 1


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [a_pipe, a_device], ids=["pipe", "device"])
@pytest.mark.parametrize(
    "read",
    [
        lambda path: NpzFile(str(path)).load(),
        lambda path: read_idx(path, ()),
        Recipe.from_toml,
        read_experiment,
    ],
    ids=["npz", "idx", "recipe", "experiment"],
)
def test_what_is_no_file_is_not_waited_for(tmp_path, make, read):
    make(tmp_path / "data.toml")
    with pytest.raises(KoubaiError, match="not a regular file"):
        read(tmp_path / "data.toml")


@pytest.mark.parametrize("packed", [False, True])
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_files_give_a_data_error_or_true_arrays(tmp_path, packed, data):
    try:
        dataset = load(tmp_path, data.draw(mutated(npz(packed=packed, x=X, t=T))))
    except DataError:
        return
    assert dataset.x_train.dtype == np.float32
    assert np.isfinite(dataset.x_train).all()
