"""What every registered source does, whatever it reads. A new source needs a line in support/sources.py."""

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import koubai.data
from koubai.core.errors import DataError
from koubai.data import DATA, Dataset, DataSource
from koubai.train.plain import to_plain
from koubai.train.schema import read_plain
from support.sources import SAMPLES


@pytest.fixture(params=sorted(DATA))
def source(request, tmp_path) -> DataSource:
    if request.param not in SAMPLES:
        pytest.fail(f"a new source: add a line for {request.param} to SAMPLES")
    return SAMPLES[request.param](tmp_path)


@pytest.fixture
def load(tmp_path) -> Callable[[DataSource], Dataset]:
    return lambda source: source.load(tmp_path)


def test_arrays_are_what_dataset_promises(source, load):
    dataset = load(source)
    assert dataset.name == source.registry_name
    for part in ("train", "test"):
        x, t = getattr(dataset, f"x_{part}"), getattr(dataset, f"t_{part}")
        assert x.dtype == np.float32
        assert len(x) == len(t) > 0
        assert x.shape[1:] == dataset.in_shape
        assert np.isfinite(x).all()
        assert t.dtype == (np.float32 if dataset.classes is None else np.int64)
        assert t.ndim == (2 if dataset.classes is None else 1)
        assert not x.flags.writeable
        assert not t.flags.writeable
    if dataset.classes is not None:
        assert set(dataset.t_train) == set(range(dataset.classes))
        assert len(dataset.class_names) in (0, dataset.classes)


def test_a_pickled_copy_is_the_same_source_with_the_same_arrays(source, load):
    assert load(pickle.loads(pickle.dumps(source))) is load(source)


def test_every_source_is_the_same_data_in_another_process(tmp_path):
    folders = {name: tmp_path / name for name in SAMPLES}
    for folder in folders.values():
        folder.mkdir()
    sources = {name: SAMPLES[name](folder) for name, folder in folders.items()}
    (tmp_path / "pickled").write_bytes(pickle.dumps(sources))
    script = (
        "import pickle, sys; from pathlib import Path; folder = Path(sys.argv[1])\n"
        "for name, source in pickle.loads((folder / 'pickled').read_bytes()).items():\n"
        "    print(name, source.load(folder / name).sha256)"
    )
    command = [sys.executable, "-c", script, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    here = [f"{name} {source.load(folders[name]).sha256}" for name, source in sources.items()]
    assert done.stdout.splitlines() == here


def test_the_preparation_is_the_same_for_every_source(source, load):
    whole = load(source)
    cut = load(replace(source, train=7, test=2, validation=5))
    for kind in "xt":
        train, val, test = (getattr(cut, f"{kind}_{part}") for part in ("train", "val", "test"))
        np.testing.assert_array_equal(train, getattr(whole, f"{kind}_train")[:7])
        np.testing.assert_array_equal(test, getattr(whole, f"{kind}_test")[:2])
        np.testing.assert_array_equal(val, getattr(whole, f"{kind}_train")[-5:])
    standard = load(replace(source, scale="standard")).x_train.astype(np.float64)
    axes = tuple(axis for axis in range(standard.ndim) if axis != 1)
    np.testing.assert_allclose(standard.mean(axes), 0, atol=1e-5)
    np.testing.assert_allclose(standard.std(axes), 1, rtol=1e-4)
    unit, pixels = (load(replace(source, scale=scale)).x_train for scale in ("unit", "bytes"))
    assert unit.min() >= 0
    assert unit.max() <= 1
    np.testing.assert_allclose(pixels, 255 * unit, rtol=1e-6)
    with pytest.raises(DataError, match=f"{source.registry_name}: train: there are not so many"):
        load(replace(source, train=10**9))
    if whole.classes is None:
        with pytest.raises(DataError, match="needs targets that are classes"):
            load(replace(source, label_noise=0.5))
        prepared = load(replace(source, target_scale="standard", validation=5))
        np.testing.assert_allclose(prepared.t_train.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(prepared.t_train.std(0), 1, rtol=1e-4)
        np.testing.assert_allclose(prepared.as_stored(prepared.t_val), whole.t_train[-5:], atol=1e-5)
    else:
        with pytest.raises(DataError, match="needs targets that are values"):
            load(replace(source, target_scale="standard"))
        chosen = load(replace(source, classes=[1, 0]))
        assert chosen.classes == 2
        assert len(chosen.x_train) == (whole.t_train < 2).sum()
        noisy = load(replace(source, label_noise=1.0))
        assert (noisy.t_train != whole.t_train).any()


def test_a_source_is_plain_values_under_its_configuration_name(source):
    again = read_plain(DataSource, json.loads(json.dumps(to_plain(source))))
    assert again == source
    assert hash(again) == hash(source)
    assert DATA[source.registry_name] is type(source)


def test_each_source_is_a_function_of_the_package():
    assert koubai.data.circles(noise=0.2) == koubai.data.Circles(noise=0.2)
    for name in DATA:
        assert callable(getattr(koubai.data, name))
        assert name in dir(koubai.data)
    with pytest.raises(AttributeError, match="did you mean 'fashion_mnist'"):
        _ = koubai.data.fashion_mnits
