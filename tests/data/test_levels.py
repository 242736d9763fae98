"""Inputs that stay bytes: the same numbers, a quarter of the memory, made only for who asks."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import koubai.data
from koubai.core.errors import DataError
from koubai.data import Dataset
from koubai.data.levels import Levels, as_inputs

CODES = np.arange(256, dtype=np.uint8).reshape(64, 1, 2, 2)


def dataset(**fields):
    half = Levels(CODES, np.float32(3), np.float32(7))
    labels = np.arange(64) % 4
    return Dataset("made", half, labels, half[:10], labels[:10], classes=4, **fields)


@pytest.mark.parametrize(("scale", "shift", "width"), [("unit", 0, 255), ("bytes", 0, 1), ("raw", 0, 1)])
def test_bytes_stay_bytes_and_stand_for_the_numbers_of_their_scale(scale, shift, width):
    source = koubai.data.arrays(CODES, np.arange(64) % 4, CODES[:9], np.arange(9) % 4, scale=scale)
    loaded = source.load()
    kept = loaded.inputs("train")
    assert isinstance(kept, Levels)
    assert (kept.shift, kept.width) == (shift, width)
    by_hand = CODES.astype(np.float32) / np.float32(width)
    assert loaded.x_train.dtype == np.float32
    np.testing.assert_array_equal(loaded.x_train, by_hand)
    np.testing.assert_array_equal(loaded.x_test, by_hand[:9])


def test_one_channel_is_standardized_as_bytes_and_several_are_numbers():
    labels = np.arange(64) % 4
    gray = koubai.data.arrays(CODES, labels, CODES, labels, scale="standard").load()
    mean, deviation = np.float32(CODES.mean()), np.float32(CODES.std())
    assert isinstance(gray.inputs("train"), Levels)
    np.testing.assert_array_equal(gray.x_train, (CODES.astype(np.float32) - mean) / deviation)
    colored = CODES.reshape(64, 4, 1, 1)
    several = koubai.data.arrays(colored, labels, colored, labels, scale="standard").load()
    assert isinstance(several.inputs("train"), np.ndarray)


def test_numbers_are_made_once_when_asked_for_and_are_locked():
    made = dataset()
    assert "x_train" not in vars(made)
    assert made.in_shape == (1, 2, 2)
    assert made.x_train is made.x_train
    assert not made.x_train.flags.writeable
    assert "x_test" not in vars(made)
    with pytest.raises(AttributeError, match="x_trian"):
        _ = made.x_trian


def test_a_data_set_of_levels_is_the_one_of_their_numbers():
    made = dataset()
    numbers = replace(made, x_train=np.asarray(made.inputs("train")))
    assert isinstance(made.inputs("train"), Levels)
    assert isinstance(numbers.inputs("train"), np.ndarray)
    assert made.sha256 == numbers.sha256
    for other in (pickle.loads(pickle.dumps(made)), copy.copy(made)):
        assert isinstance(other.inputs("train"), Levels)
        assert other.sha256 == made.sha256


def test_what_is_wrong_with_levels_is_found_without_making_numbers():
    with pytest.raises(DataError, match="differ in number"):
        dataset(x_val=Levels(CODES), t_val=np.arange(3))
    with pytest.raises(DataError, match="another shape"):
        dataset(x_val=Levels(CODES[:, :, :1]), t_val=np.arange(64) % 4)


def test_a_few_samples_do_not_hold_all_in_memory():
    labels = np.arange(64) % 4
    few = koubai.data.arrays(CODES, labels, CODES, labels, train=5).load().inputs("train")
    assert isinstance(few, Levels)
    assert few.codes.base is None or few.codes.base.size == few.codes.size


def test_an_engine_gets_levels_where_it_computes_in_float32_and_numbers_else():
    kept = Levels(CODES, np.float32(3), np.float32(7))
    narrow = as_inputs(kept, CODES.shape[1:], "float32", "here")
    assert isinstance(narrow, Levels)
    assert narrow.codes is kept.codes
    wide = as_inputs(kept, CODES.shape[1:], "float64", "here")
    assert wide.dtype == np.float64
    np.testing.assert_array_equal(wide, np.asarray(kept))
