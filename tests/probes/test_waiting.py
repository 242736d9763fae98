"""What waits to be written: nobody can tell it from what was written at once."""

import copy
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koubai.probes import History
from koubai.probes.history import Series


class Halves:
    """Measures (step, numbers by path): half of each, its inverse where it is not 0, and a row of two."""

    quantities = frozenset({"half", "inverse", "row"})

    def __init__(self):
        self.asked = []

    def measure(self, taken):
        self.asked.append(len(taken))
        made = []
        for path in ("b", "a"):
            steps = np.array([step for step, numbers in taken if path in numbers], np.int64)
            values = np.array([numbers[path] for _, numbers in taken if path in numbers])
            if len(steps):
                made.append(Series(path, "half", steps, values / 2))
                made.append(Series(path, "row", steps, np.stack([values, -values], 1)[:, None]))
            if np.any(values != 0):
                made.append(Series(path, "inverse", steps[values != 0], 1 / values[values != 0]))
        return made


STEPS = st.lists(st.dictionaries(st.sampled_from("ab"), st.sampled_from([0.0, 1.0, 4.0])), max_size=4)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), STEPS),
        st.tuples(
            st.just("add"), st.sampled_from([("", "loss"), ("", "score"), ("a", "half"), ("c", "half")])
        ),
        st.tuples(
            st.just("read"), st.sampled_from([("", "loss"), ("a", "half"), ("b", "inverse"), ("c", "none")])
        ),
        st.tuples(st.just("cut"), st.integers(0, 12)),
    ),
    max_size=12,
)


def run(actions, write):
    """The history that actions make, and all that was read on the way."""
    history, measurer, step, read = History(), Halves(), 0, []
    for action, what in actions:
        if action == "take":
            taken = [(step + n, numbers) for n, numbers in enumerate(what, 1)]
            step += len(what)
            write(history, measurer, taken)
        elif action == "add":
            history.add(step, *what, 0.5)
        elif action == "read":
            path, quantity = what
            read.append(
                ([part.tolist() for part in history.series(quantity, path)], history.last(quantity, path))
            )
        else:
            history = history.until(what)
    return history, read


def one_by_one(history, measurer, taken):
    for one in taken:
        history.write(measurer.measure([one]))


@given(ACTIONS)
def test_what_is_written_later_cannot_be_told_from_what_is_written_at_once(actions):
    later, read_later = run(actions, History.write_later)
    at_once, read_at_once = run(actions, one_by_one)
    assert read_later == read_at_once
    assert list(later.vectors) == list(at_once.vectors)
    assert list(later.columns) == list(at_once.columns)
    assert later == at_once
    assert list(later) == list(at_once)


@pytest.mark.parametrize(
    "look",
    [
        len, repr, list, pickle.dumps, copy.deepcopy, History.quantities,
        lambda history: history.columns, lambda history: history.vectors, lambda history: history.until(1),
        lambda history: history == History(), lambda history: history.paths("half"),
        lambda history: history.last("inverse", "a"), lambda history: history.series("half", "x"),
        lambda history: history.add(3, "a", "half", 1.0), lambda history: history.add(3, "", "new", 1.0),
        lambda history: history.write_later(Halves(), [(3, {"a": 1.0})]),
    ],
)  # fmt: skip
def test_every_look_finds_it_written(look):
    history, measurer = History(), Halves()
    history.write_later(measurer, [(1, {"a": 4.0}), (2, {"a": 2.0})])
    look(history)
    assert measurer.asked == [2]
    assert history.series("half", "a")[1].tolist()[:2] == [2.0, 1.0]


def test_copies_hold_what_waited():
    history = History()
    history.write_later(Halves(), [(1, {"a": 4.0}), (2, {"b": 2.0})])
    for again in (pickle.loads(pickle.dumps(history)), copy.deepcopy(history), copy.copy(history)):
        assert again == history
        assert len(again) == 4


def test_looking_at_the_losses_leaves_the_rest_waiting_up_to_a_bound():
    history, measurer = History(), Halves()
    history.add(0, "", "loss", 1.0)
    for step in range(1, 1500):
        history.write_later(measurer, [(step, {"a": float(step)})])
        history.add(step, "", "loss", 0.5)
        assert history.last("loss") == 0.5
    assert measurer.asked == [1000]
    assert len(history.series("half", "a")[0]) == 1499
    assert measurer.asked == [1000, 499]


def test_what_breaks_off_while_it_is_measured_is_not_lost():
    class Interrupted(Halves):
        def measure(self, taken):
            if not self.asked:
                self.asked.append(0)
                raise KeyboardInterrupt
            return super().measure(taken)

    history = History()
    history.write_later(Interrupted(), [(1, {"a": 4.0})])
    with pytest.raises(KeyboardInterrupt):
        len(history)
    assert history.series("half", "a")[1].tolist() == [2.0]


def test_a_reader_in_another_thread_sees_whole_steps_and_each_once():
    history, measurer, done, seen = History(), Halves(), threading.Event(), []

    def read():
        while not done.is_set():
            seen.append(history.series("half", "a"))

    reader = threading.Thread(target=read)
    reader.start()
    for step in range(1, 2001):
        history.write_later(measurer, [(step, {"a": 2.0 * step, "b": 1.0})])
        history.add(step, "", "loss", 1.0)
    done.set()
    reader.join()
    for steps, values in [*seen, history.series("half", "a")]:
        assert steps.tolist() == values.tolist() == list(range(1, len(steps) + 1))
    assert len(history.series("inverse", "b")[0]) == 2000
