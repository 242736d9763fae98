"""What Watch reads: histories that grow, folders of strangers, and how little goes to the browser."""

import json
import math
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koubai.page.watch.about import facts, marks, tail, with_state
from koubai.page.watch.fold import Fold
from koubai.page.watch.follower import MOST_SERIES, Follower
from koubai.page.watch.listing import Listing
from koubai.page.watch.trial import PAIRS, conclude_trial
from koubai.train.safe_folder import SafeFolder

from .written import FINDING, Written


def follow(folder):
    return Follower(SafeFolder(folder), 1)


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 3000), st.floats(-9, 9)), max_size=30), max_size=8),
    st.sampled_from([2, 8, 16]),
)
@settings(deadline=None, max_examples=60)
def test_a_page_that_hears_only_what_changed_knows_what_there_is(pieces, most):
    fold, width, heard, everything = Fold(most), 1, {}, []
    for version, piece in enumerate(pieces, start=1):
        fold.add(np.array([s for s, _ in piece], int), np.array([v for _, v in piece], float), version)
        everything += piece
        news = fold.since(version - 1)
        if fold.width != width:
            heard, width = {}, fold.width
        heard |= {cell: values for cell, *values in news}
        assert len(news) <= most
    for cell, (mean, low, high, bad) in heard.items():
        inside = [value for step, value in everything if step // width == cell]
        assert mean == pytest.approx(sum(inside) / len(inside), rel=1e-4, abs=1e-4)
        assert (low, high) == pytest.approx((min(inside), max(inside)), rel=1e-4)
        assert bad == 0
    assert set(heard) == {step // width for step, _ in everything}
    assert all(cell < most for cell in heard)


def test_what_is_not_finite_is_counted_and_is_never_sent():
    fold = Fold(8)
    fold.add(np.array([1, 1, 2]), np.array([2.0, math.nan, math.inf]), 1)
    assert fold.since(0) == [[1, 2.0, 2.0, 2.0, 1], [2, None, None, None, 1]]
    json.dumps(fold.since(0), allow_nan=False)


def test_news_is_as_long_as_what_is_new_not_as_the_run(tmp_path):
    run = Written(tmp_path / "run")
    seen = follow(run.folder)
    sizes = []
    for tick in range(2, 202):
        run.add(range(100 * tick, 100 * tick + 100), np.linspace(0, 1, 100))
        assert seen.read(tick)
        if seen.series["", "loss"].width >= 16:
            sizes.append(len(json.dumps(seen.since(tick - 1))))
    assert seen.step == 20_199
    typical = sorted(sizes)[len(sizes) // 2]
    assert typical < 700, "a few cells"
    assert max(sizes) < 40_000, "all cells, when two become one"
    assert sum(size > 2 * typical for size in sizes) <= 3, "which is rare"


def test_a_line_is_taken_when_it_is_whole(tmp_path):
    run = Written(tmp_path / "run")
    seen = follow(run.folder)
    line = run.line([1, 2], [3.0, "nan"])
    run.history.write_bytes(line[:20])
    assert not seen.read(2)
    with run.history.open("ab") as file:
        file.write(line[20:])
    assert seen.read(3)
    assert (seen.step, seen.fault) == (2, None)
    assert seen.since(2)["cells"] == [[0, 1, [[1, 3.0, 3.0, 3.0, 0], [2, None, None, None, 1]]]]


def test_a_run_that_goes_back_to_a_checkpoint_or_is_begun_anew_is_read_anew(tmp_path):
    run = Written(tmp_path / "run")
    run.add([1], [5.0])
    kept = run.history.read_bytes()
    run.add([2], [6.0])
    seen = follow(run.folder)
    seen.read(2)
    run.history.write_bytes(kept)  # shorter, as after a resume
    seen.read(3)
    assert (seen.step, seen.born) == (1, 3)
    assert seen.since(2)["whole"]
    again = Written(tmp_path / "other")
    again.add([7], [1.0])
    again.history.replace(run.history)
    seen.read(4)
    assert (seen.step, seen.born, seen.fault) == (7, 4, None)


WRONG = [
    b'{"path":"","quantity":"loss","steps":[1],"values":[1]}\n',  # without its check
    b"\xff\xfe\n",
    b"[]\n",
    b"\n",
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_sound_before_a_damage_is_shown_and_the_damage_is_told(tmp_path, wrong):
    run = Written(tmp_path / "run")
    run.add([1], [5.0])
    with run.history.open("ab") as file:
        file.write(wrong)
    seen = follow(run.folder)
    seen.read(2)
    assert (seen.step, seen.fault) == (1, "damaged")
    assert not seen.read(3), "it is told once"


STRANGE = [
    ([-1], [1.0], "loss", ""),
    ([2**60], [1.0], "loss", ""),
    ([1.5], [1.0], "loss", ""),
    ([10**400], [1.0], "loss", ""),
    ([1, 2], [1.0], "loss", ""),
    ([[1]], [[1.0]], "loss", ""),
    ([1], [{}], "loss", ""),
    ([1], [1.0], 7, ""),
    ([1], [1.0], "loss", None),
]


@pytest.mark.parametrize("row", STRANGE)
def test_numbers_that_no_run_has_are_damage_even_with_a_right_check(tmp_path, row):
    run = Written(tmp_path / "run")
    run.add(*row)
    seen = follow(run.folder)
    seen.read(2)
    assert (seen.step, seen.fault) == (0, "damaged")


def test_a_stranger_cannot_fill_the_memory_or_the_page(tmp_path):
    run = Written(tmp_path / "run")
    for i in range(MOST_SERIES + 5):
        run.add([1], [1.0], quantity="update_ratio", path=f"{'x' * 50}{i}<script>\u202e")
    run.add([2**40], [1.0])
    seen = follow(run.folder)
    while seen.read(2):
        pass
    assert len(seen.series) == MOST_SERIES
    assert seen.left_out == 6
    assert "\u202e" not in json.dumps(seen.since(-1), ensure_ascii=False)
    with run.history.open("ab") as file:
        file.write(b"x" * (5 * 2**20))
    while seen.fault is None:
        seen.read(3)
    assert seen.fault == "long"


def test_links_are_not_followed_and_no_path_is_told(tmp_path):
    outside = Written(tmp_path / "outside" / "secret")
    outside.add([1], [1.0])
    root = tmp_path / "runs"
    mine = Written(root / "deep" / "mine")
    (root / "linked").symlink_to(outside.folder)
    mine.history.unlink()
    mine.history.symlink_to(outside.history)
    listing = Listing((root,))
    places = listing.look()
    assert [place.name for place in places.values()] == ["deep/mine"]
    (place,) = places.values()
    assert str(tmp_path) not in place.id + place.name
    seen = Follower(place.folder, 1)
    seen.read(2)
    assert (seen.step, seen.fault) == (0, "damaged")
    assert tail(place.folder) == (None, None)
    assert list(listing.look()) == [place.id], "an id stays"
    assert list(Listing((root,)).look()) != [place.id], "and is another server's of its own"


def known(root):
    (place,) = Listing((root,)).look().values()
    return with_state(place, facts(place))


def test_what_is_known_of_a_run_is_bounded_and_never_raises(tmp_path):
    run = Written(tmp_path / "runs" / "a", model="\x1b[31m" + "x" * 9000, planned="many")
    found = known(tmp_path / "runs")
    assert (found["state"], found["planned"], found["parameters"]) == ("running", None, 7)
    assert "\x1b" not in found["model"]
    assert len(found["model"]) < 3000
    run.judge(findings=[FINDING, {"severity": "x", "told": {"en": "not a list"}}, None, 7] * 20)
    found = known(tmp_path / "runs")
    assert found["state"] == "ended"
    assert found["verdict"]["findings"][0]["told"]["ja"][0].startswith("K003")
    assert len(found["verdict"]["findings"]) <= 20
    os.utime(run.history, (1, 1))
    run.judge(state="running")
    assert (known(tmp_path / "runs")["state"], known(tmp_path / "runs")["written"]) == ("silent", 1)


@pytest.mark.parametrize("name", ["watch.json", "findings.json"])
@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"[" * 100_000, b"\xff", b"7", b'{"sha256":1}', b"x" * (2**20 + 9)]
)
def test_a_damaged_run_is_told_in_both_languages(tmp_path, name, data):
    run = Written(tmp_path / "runs" / "a")
    (run.folder / name).write_bytes(data)
    found = known(tmp_path / "runs")
    assert found["state"] == "damaged"
    assert found["why"]["en"]
    assert found["why"]["ja"]


def test_a_folder_that_is_deleted_is_gone(tmp_path):
    run = Written(tmp_path / "runs" / "a")
    (place,) = Listing((tmp_path / "runs",)).look().values()
    before = marks(place)
    for file in run.folder.iterdir():
        file.unlink()
    run.folder.rmdir()
    assert marks(place) != before
    assert facts(place) == {"state": "gone"}
    assert Listing((tmp_path / "runs",)).look() == {}
    assert not Follower(place.folder, 1).read(2)


@pytest.mark.parametrize(
    ("unchanged", "changed", "verdict"),
    [
        ([1.0, 1.1, 0.9, 1.0, 1.2], [0.5, 0.6, 0.5, 0.4, 0.6], "better"),
        ([0.5, 0.6, 0.5, 0.4, 0.6], [1.0, 1.1, 0.9, 1.0, 1.2], "worse"),
        ([1.0, 1.1, 0.9, 1.0, 1.2], [1.1, 1.0, 0.9, 1.1, 1.1], "open"),
        ([1.0] * PAIRS, [1.0] * PAIRS, "open"),
        ([math.nan] * PAIRS, [1.0] * PAIRS, "better"),
        ([1.0] * PAIRS, [math.inf] * PAIRS, "worse"),
        ([math.nan] * PAIRS, [math.nan] * PAIRS, "open"),
        ([1.0, math.nan, 1.0, 1.0, 1.0], [0.5, 0.5, 2.0, 0.5, 0.5], "open"),
    ],
)
def test_a_verdict_is_said_only_where_all_pairs_together_say_it(unchanged, changed, verdict):
    told = conclude_trial(unchanged, changed)
    assert told["verdict"] == verdict
    assert told["wins"] == sum(
        b < a or (math.isnan(a) and not math.isnan(b)) for a, b in zip(unchanged, changed, strict=True)
    )
    json.dumps({name: value for name, value in told.items() if name not in ("p",)}, allow_nan=False)
