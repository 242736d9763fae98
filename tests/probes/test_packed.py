"""Histories in little memory: every bit comes back, in the order it came up, and what was rounded is near."""

import pickle

import numpy as np
import pytest

from koubai.probes.column import Column
from koubai.probes.history import History
from koubai.probes.packed import Packed, packed, rounded, unpacked

STEPS = np.arange(20, 1020, 20)


def columns():
    random = np.random.default_rng(3)
    made = {(f"{i}.weight", "rms"): Column(STEPS, np.exp(random.normal(size=50) * 9)) for i in range(60)}
    made["", "test_loss"] = Column([0, 7, 70000, 3], [0.1, np.nan, np.inf, 1e-300])
    made["", "loss"] = Column(range(1, 1001), random.random(1000))
    made["late", "rms"] = Column(STEPS, np.full(50, 1e200))
    return made


def assert_same(ours, theirs):
    assert list(ours) == list(theirs)
    for name, column in theirs.items():
        for mine, other in zip(ours[name].rows(), column.rows(), strict=True):
            np.testing.assert_array_equal(mine, other, err_msg=str(name))


def test_every_bit_comes_back_in_order():
    made = columns()
    assert_same(unpacked(packed(made)), made)
    history = pickle.loads(pickle.dumps(History(made)))
    again = pickle.loads(pickle.dumps(history))  # not looked at between
    assert_same(again.columns, made)
    again.add(8, "", "test_loss", 2.0)
    assert again.last("test_loss") == np.inf  # of step 70000


def test_rounded_numbers_are_near_and_small_and_the_others_stay():
    made = columns()
    inner = [name for name in made if name[0] or name[1] == "loss"]
    near = rounded(made, inner)
    for name, column in made.items():
        np.testing.assert_allclose(near[name].rows()[1], column.rows()[1], rtol=2.0**-24)
    assert near["late", "rms"].last() == 1e200  # beyond 24 bits' range: as it was
    exact = made["", "test_loss"].rows()[1]
    np.testing.assert_array_equal(near["", "test_loss"].rows()[1], exact)
    whole, little = (len(pickle.dumps(History(each))) for each in (made, near))
    numbers = sum(map(len, made.values()))
    assert little < 4.6 * numbers + 3000 < whole


@pytest.mark.parametrize(
    "tables",
    [
        Packed((("", "loss", 1),), (np.ones(2),), (np.ones((1, 2)),)),
        Packed((("", "loss", 0),), (np.ones(3),), (np.ones((1, 2)),)),
        Packed((("", "loss", 0), ("", "a", 0)), (np.ones(2),), (np.ones((1, 2)),)),
        Packed((("", "loss", 0),), (np.ones(2),), (np.ones((1, 2), int),)),
    ],
)
def test_tables_that_do_not_fit_are_refused(tables):
    with pytest.raises(ValueError, match="no column of a history"):
        unpacked(tables)


def test_what_is_sent_to_another_process_is_less_than_the_numbers_and_every_bit_of_it():
    made = History(rounded(columns(), columns()))
    sent = pickle.dumps(made)
    assert len(sent) < sum(table.nbytes for table in made.tables().values)
    assert_same(pickle.loads(sent).columns, made.columns)
