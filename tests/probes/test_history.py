"""History: columns, slices, lines of a file."""

import json
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koubai.probes import History
from koubai.probes.column import Column
from koubai.probes.history import HistoryEntry

NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=64)
NAMES = st.tuples(st.sampled_from(["", "0", "1.weight", "2.body.0"]), st.sampled_from(["loss", "norm", "層"]))
ROWS = st.lists(st.tuples(st.integers(0, 50), NAMES, NUMBERS), max_size=60)


def history(rows):
    made = History()
    for step, (path, quantity), value in rows:
        made.add(step, path, quantity, value)
    return made


def same(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


@given(ROWS)
def test_a_series_is_what_a_plain_list_gives(rows):
    made = history(rows)
    assert len(made) == len(rows)
    for path, quantity in {name for _, name, _ in rows}:
        expected = sorted(
            ((step, i, value) for i, (step, name, value) in enumerate(rows) if name == (path, quantity)),
            key=lambda row: row[:2],
        )
        steps, values = made.series(quantity, path)
        assert steps.tolist() == [step for step, _, _ in expected]
        assert all(same(a, b) for a, (_, _, b) in zip(values, expected, strict=True))
        assert same(made.last(quantity, path), expected[-1][2])


@given(ROWS)
def test_iteration_goes_through_all_entries_in_order_of_steps(rows):
    entries = list(history(rows))
    assert [entry.step for entry in entries] == sorted(step for step, _, _ in rows)
    again = History()
    again.extend(entries)
    left, right = ({(e.path, e.quantity): [] for e in entries} for _ in range(2))
    for entry in entries:
        left[entry.path, entry.quantity].append(entry.value)
    for path, quantity in left:
        right[path, quantity] = again.series(quantity, path)[1].tolist()
    assert all(same(a, b) for name in left for a, b in zip(left[name], right[name], strict=True))


@given(ROWS, st.integers(0, 50))
def test_until_keeps_the_steps_up_to_a_bound(rows, bound):
    kept = history(rows).until(bound)
    assert kept == history([row for row in rows if row[0] <= bound])


@given(ROWS, st.integers(0, 5))
def test_lines_of_json_give_the_history_back(rows, cut):
    made, again = history(rows), History()
    for (path, quantity), column in made.columns.items():
        first = min(cut, len(column))
        steps, values = column.rows()
        head = Column(steps[:first], values[:first])
        for line in (head.to_json(path, quantity), column.to_json(path, quantity, first)):
            json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
            again.add_json(line)
    assert again == made


@pytest.mark.parametrize(
    "line",
    [
        "[1]",
        '{"path":"","quantity":"loss","steps":[1]}',
        '{"path":"","quantity":"loss","steps":[1],"values":[1,2]}',
        '{"path":"","quantity":"loss","steps":["a"],"values":[1]}',
        '{"path":"","quantity":"loss","steps":[1],"values":["one"]}',
        '{"path":"","quantity":"loss","steps":[1e400],"values":[1]}',
        '{"path":"","quantity":"loss","steps":[99999999999999999999],"values":[1]}',
        '{"path":"","quantity":"lo',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_not_history_is_refused_and_leaves_nothing(line):
    made = History()
    with pytest.raises(ValueError):  # noqa: PT011 -- json's own errors are among them, and are ValueErrors
        made.add_json(line)
    assert len(made) == 0


def test_paths_come_in_forward_order_even_if_a_quantity_starts_late():
    made = History()
    for path in ("1.weight", "1.bias", "3.weight"):
        made.add(1, path, "weight_norm", 1.0)
    for path in ("3.weight", "1.weight"):
        made.add(1, path, "update_ratio", 1.0)
    made.add(2, "1.bias", "update_ratio", 1.0)
    assert made.paths("update_ratio") == ["1.weight", "1.bias", "3.weight"]
    assert made.quantities("1.bias") == ["weight_norm", "update_ratio"]
    assert made.quantities() == ["weight_norm", "update_ratio"]


def test_equal_histories_hold_equal_vectors():
    one, two = History(), History()
    one.add_vector(1, "0", "units", np.array([1.0, np.nan]))
    assert one != two
    two.add_vector(1, "0", "units", np.array([1.0, np.nan]))
    assert one == two
    two.add_vector(2, "0", "units", np.zeros(2))
    assert one != two
    assert two.until(1) == one


def test_what_is_missing_reads_as_empty():
    assert History().last("loss") is None
    assert [len(part) for part in History().series("loss", "3")] == [0, 0]
    assert list(History()) == []
    assert next(iter(history([(3, ("", "loss"), 2.5)]))) == HistoryEntry(3, "", "loss", 2.5)


def test_a_long_run_is_recorded_in_linear_time():
    """A quadratic history would need minutes here; the bound is a hundred times what this takes."""
    made, start = History(), time.process_time()
    for step in range(0, 100_000, 200):
        made.add_series("", "loss", np.arange(step, step + 200), np.ones(200))
        made.series("loss", "0")
        made.last("loss")
    for step in range(100_000):
        made.add(step, "0", "activation_mean", 0.5)
    assert len(made.series("loss")[0]) == 100_000
    assert time.process_time() - start < 10
