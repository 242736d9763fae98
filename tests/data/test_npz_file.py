import io
import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koubai.core.errors import DataError, KoubaiError, TooLarge
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


NUMBERS = [
    "?",
    "i1",
    "u1",
    "i2",
    ">i2",
    "u2",
    "f2",
    "i4",
    ">i4",
    "u4",
    "f4",
    ">f4",
    "i8",
    "u8",
    "f8",
    ">f8",
    "g",
]
SCALES = ["raw", "unit", "bytes", "standard", "robust"]


def some_numbers(dtype: str, shape: tuple[int, ...], order: str = "C") -> np.ndarray:
    """Numbers from all over the type, or of the size of 100 where it has no ends."""
    drawn = np.random.default_rng(3)
    if dtype == "?":
        x = drawn.integers(0, 2, shape)
    elif np.dtype(dtype).kind == "f":
        x = drawn.normal(3, 100, shape)
    else:
        limits = np.iinfo(dtype)
        x = drawn.integers(limits.min, limits.max, shape, np.dtype(dtype).newbyteorder("="), endpoint=True)
    return np.array(x, dtype, order=order)


def peak_of(work) -> int:
    work()  # imports
    tracemalloc.start()
    kept = work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del kept
    return peak


def kept_bytes(dtype: str, scale: str = "raw") -> int:
    """Bytes of a number on its way: what the file declares, or float32 where the file has less."""
    bytes_stay = scale == "raw" if dtype == "?" else dtype == "u1" and scale not in ("standard", "robust")
    return 1 if bytes_stay else max(4, np.dtype(dtype).itemsize)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("shape", [(60, 3), (60, 2, 4, 5), (60,)], ids=str)
def test_every_type_and_scale_gives_the_bits_of_its_arrays(tmp_path, monkeypatch, dtype, scale, shape):
    for module in ("npz", "scale"):
        monkeypatch.setattr(f"koubai.data.{module}._AT_ONCE", 37)  # several pieces
    for order in "CF":
        t = np.arange("CF".index(order), 60 + "CF".index(order)) % 3  # arrays of equal content are held once
        x = some_numbers(dtype, shape, order)
        given = arrays(x, t, scale=scale, validation=5).load()
        read = load(tmp_path, npz(x=x, t=t), scale=scale, validation=5)
        assert read.sha256 == given.sha256
        assert read.preparation.scale.same(given.preparation.scale) or dtype == "?"
        assert load(tmp_path, npz(x_train=x, t_train=t, x_test=x[:9], t_test=t[:9])).sha256 == (
            arrays(x, t, x[:9], t[:9]).load().sha256
        )


def test_of_whole_numbers_mean_and_difference_are_exact(tmp_path):
    x = np.full((4, 1), np.iinfo("u4").max, "u4")
    x[0] = 1
    data = load(tmp_path, npz(x=x, t=np.arange(4.0) + 0.5), test_share=0.0, scale="unit")
    assert data.input_scale.width.item() == 2**32 - 2
    data = load(tmp_path, npz(x=x, t=np.arange(4.0) + 0.5), test_share=0.0, scale="standard")
    assert data.input_scale.shift.item() == (1 + 3 * (2**32 - 1)) / 4
    assert data.input_scale.stored == "float64"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("shape", [(200, 8000), (40_000, 40)], ids=str)
def test_reading_takes_at_most_half_more_than_what_is_declared(tmp_path, shape, dtype, order, packed):
    x, t = np.zeros(shape, dtype, order), np.zeros(shape[0], np.int8)
    (tmp_path / "data.npz").write_bytes(npz(packed=packed, x=x, t=t))
    peak = peak_of(lambda: NpzFile("data.npz").read(tmp_path))
    # An order of the samples and labels in int64; and a megabyte of the file at a time
    assert peak < 1.4 * kept_bytes(dtype) * x.size + 48 * len(t) + 4e6


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dtype", NUMBERS)
def test_loading_takes_little_more_than_what_is_declared(tmp_path, monkeypatch, dtype, scale):
    for module in ("npz", "scale", "targets"):
        monkeypatch.setattr(f"koubai.data.{module}._AT_ONCE", 1 << 14)  # small data, small pieces
    x = some_numbers(dtype, (2000, 1000))
    np.savez(tmp_path / "data.npz", x=x, t=np.zeros(len(x), np.int8))
    seeds = iter((1, 2))  # a data set that was loaded is not loaded again
    peak = peak_of(lambda: NpzFile("data.npz", split_seed=next(seeds), scale=scale).load(tmp_path))
    assert peak < 1.5 * kept_bytes(dtype, scale) * x.size + 2e6  # a megabyte of the file at a time


@pytest.mark.parametrize("target_scale", ["raw", "standard"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("parts", ["drawn", "given"])
def test_targets_take_no_more_than_inputs_do(tmp_path, monkeypatch, dtype, target_scale, parts):
    for module in ("npz", "scale", "targets"):
        monkeypatch.setattr(f"koubai.data.{module}._AT_ONCE", 1 << 14)
    values = some_numbers(dtype, (4000, 500))
    content = {"x": values[:, :100], "t": values}
    if parts == "given":
        content |= {"x_test": values[:9, :100], "t_test": values[:9]}
    np.savez(tmp_path / "data.npz", **content)
    seeds = iter((1, 2))
    options = {"target_scale": target_scale, "validation": 7}
    peak = peak_of(lambda: NpzFile("data.npz", split_seed=next(seeds), **options).load(tmp_path))
    assert peak < 1.5 * sum(array.nbytes for array in content.values()) + 2e6
    read = NpzFile("data.npz", **options).load(tmp_path)
    assert read.sha256 == arrays(**content, **options).load().sha256


def test_names_of_classes_are_looked_at_a_few_at_a_time(tmp_path):
    t = np.array(["of a class with a long name " * 20, "b"])[np.arange(20_000) % 2]
    np.savez(tmp_path / "data.npz", x=np.zeros((len(t), 1), "f4"), t=t)
    peak = peak_of(lambda: NpzFile("data.npz").read(tmp_path))
    assert peak < 1.5 * t.nbytes
    assert np.bincount(NpzFile("data.npz").load(tmp_path).t_train).tolist() == [7000, 7000]


def test_more_names_than_there_can_be_classes_are_an_error(tmp_path):
    t = np.arange(70_000).astype("U8")
    with pytest.raises(DataError, match="class"):
        load(tmp_path, npz(x=np.zeros((len(t), 1), "f4"), t=t))


def test_what_does_not_fit_is_known_from_the_headers(tmp_path, monkeypatch):
    x = np.zeros((1000, 1000), np.int8)
    content = npz(packed=True, x=x, t=np.zeros(1000, np.int8))
    monkeypatch.setattr("koubai.core.memory.machine_bytes", lambda: 5 * x.nbytes)
    with pytest.raises(TooLarge, match="data"):  # four bytes a number, and half of it
        load(tmp_path, content)
    monkeypatch.setattr("koubai.core.memory.machine_bytes", lambda: 7 * x.nbytes)
    assert load(tmp_path, content).in_shape == (1000,)


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
