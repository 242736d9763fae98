"""A history that lies elsewhere answers as one that is whole in memory, and is read as rarely as can be."""

import pickle

import numpy as np
import pytest

from koubai.probes.column import Column
from koubai.probes.history import History

TAPS = np.arange(1, 81)


def made():
    random = np.random.default_rng(0)
    history = History({("1", "rms"): Column(TAPS, random.random(80)), ("2", "rms"): Column(TAPS, -TAPS)})
    history.add_series("", "test_accuracy", [20, 0, 10], [0.9, 0.1, 0.5])
    history.add_series("", "loss", range(1, 101), random.random(100))
    history._columns["late", "rms"] = Column()
    return history


@pytest.fixture
def away():
    """Return (a history that was let go, what was read since)."""
    history, reads = made(), []
    tables = history.tables()
    history.let_go(lambda: reads.append(1) or tables)
    return history, reads


def test_what_many_runs_are_asked_for_is_at_hand(away):
    history, reads = away
    whole = made()
    assert list(history.names) == list(whole.names)
    assert history.paths("rms") == whole.paths("rms") == ["1", "2", "late"]
    assert history.quantities("") == whole.quantities("")
    assert len(history) == len(whole)
    for path, quantity in [*whole.names, ("no", "such")]:
        assert history.count(quantity, path) == whole.count(quantity, path)
        assert history.first(quantity, path) == whole.first(quantity, path)
    assert history.first("test_accuracy") == 0.1  # of step 0, which was added second
    assert history.first("rms", "late") is None
    np.testing.assert_array_equal(history.series("test_accuracy"), whole.series("test_accuracy"))
    assert history.last("test_accuracy") == 0.9
    assert not len(history.series("rms", "none")[0])
    assert reads == []


def test_the_rest_is_read_when_it_is_asked_for(away):
    history, reads = away
    np.testing.assert_array_equal(history.series("rms", "1"), made().series("rms", "1"))
    np.testing.assert_array_equal(history.series("loss"), made().series("loss"))
    assert history.last("loss") == made().last("loss")
    assert len(reads) == 3
    assert list(history) == list(made())
    assert history == made()
    assert repr(history) == repr(made())
    assert pickle.loads(pickle.dumps(history)) == made()
    assert history.until(30) == made().until(30)


def test_somebody_may_add_to_it_all_the_same(away):
    history, _ = away
    history.add(101, "", "loss", 7.0)
    assert history.last("loss") == 7.0
    assert history.count("loss") == 101
    history.let_go(lambda: made().tables())  # as somebody keeps it again: this one is what counts now
    assert history.count("loss") == 101
