"""Watch on koubai's own runs: the doctor's look, a trial on a copy, and that nothing of a run is touched."""

import hashlib
import json
import threading

import numpy as np
import pytest

import koubai as kb
from koubai.page.watch.about import facts, stored_steps, tail, with_state
from koubai.page.watch.follower import Follower
from koubai.page.watch.hub import Hub
from koubai.page.watch.listing import Listing
from koubai.page.watch.look import NotPossible, changed, look_at_run, offers, opened
from koubai.page.watch.trial import ARMS, PAIRS, perform_trial
from koubai.train.folder import RunFolder
from koubai.train.recipe import Recipe
from koubai.train.train import train

STEPS = 60
RECIPE = Recipe(
    kb.Sequential(
        kb.Flatten(), *[layer for _ in range(8) for layer in (kb.Linear(10), kb.Sigmoid())], kb.Linear(10)
    ),
    kb.data.digits(),
    optimizer=kb.SGD(0.1),
    loss=kb.SoftmaxCrossEntropy(),
    batch_size=20,
    steps=STEPS,
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("watched")
    train(RECIPE, folder=root / "mine", save_every=20)
    return root


@pytest.fixture
def place(runs):
    (place,) = Listing((runs,)).look().values()
    return place


def state(root):
    files = (file for file in sorted(root.rglob("*")) if file.is_file())
    return {
        str(file): (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns) for file in files
    }


class Pipe(list):
    send = list.append


def test_a_run_of_koubais_own_is_told_as_it_is_and_nothing_in_it_is_touched(runs, place):
    before = state(runs)
    known = with_state(place, facts(place))
    assert (known["state"], known["planned"], known["data"]) == ("ended", STEPS, "digits")
    assert set(known["scores"]) == {"train", "test"}
    assert tail(place.folder)[0] == STEPS
    seen = Follower(place.folder, 1)
    while seen.read(2):
        pass
    history = RunFolder(runs / "mine").history()
    steps, losses = history.series("loss")
    cells = seen.series["", "loss"].since(0)
    assert [cell for cell, *_ in cells] == steps.tolist()
    assert [mean for _, mean, *_ in cells] == pytest.approx(losses, rel=1e-4)
    paths = {path for path, quantity in seen.series if quantity == "activation_gradient_rms"}
    assert paths == set(history.paths("activation_gradient_rms"))
    told = Pipe()
    look_at_run(told, place.folder, None)
    assert state(runs) == before
    (event,) = told
    assert event["verdict"]["step"] == STEPS
    names = [finding["name"] for finding in event["verdict"]["findings"]]
    assert "vanishing_gradient" in names
    assert {"use_relu", "rate_ten"} <= {offer["name"] for offer in event["offers"]}
    json.dumps(event, allow_nan=False)


def test_what_changes_the_start_is_offered_for_the_start_only():
    data = RECIPE.data.load(None)
    by_name = {offer["name"]: offer for offer in offers(RECIPE, data)}
    assert by_name["suitable_init"]["start"]
    assert by_name["add_batch_norm"]["start"]
    assert not by_name["use_adam"]["start"]
    assert "more_steps" not in by_name
    for name in by_name:
        assert changed(name, RECIPE, data).steps == STEPS


def test_a_trial_pairs_both_curves_from_a_stored_step_and_leaves_the_run_alone(runs, place):
    before = state(runs)
    step = stored_steps(place.folder)[0]
    events = list(perform_trial(opened(place.folder, None, step), step, "rate_tenth", seconds=1.0))
    assert state(runs) == before
    assert events[0]["from"] == step < STEPS
    length = events[0]["steps"]
    curves = {}
    for event in events:
        if event["kind"] == "losses":
            curves.setdefault((event["arm"], event["pair"]), []).append(event)
    assert set(curves) == {(arm, pair) for arm in ARMS for pair in range(PAIRS)}
    for parts in curves.values():
        steps = np.concatenate([part["steps"] for part in parts])
        assert steps.tolist() == list(range(step + 1, step + length + 1))
    first = {arm: curves[arm, 0][0]["values"][0] for arm in ARMS}
    assert first["unchanged"] == first["changed"], "the same weights and the same batch"
    assert curves["unchanged", 0][0]["values"][0] != curves["unchanged", 1][0]["values"][0], "another order"
    _, losses = RunFolder(runs / "mine").history().series("loss")
    own = np.concatenate([part["values"] for part in curves["unchanged", 0]])[: STEPS - step]
    assert own.tolist() == losses[step : step + len(own)].tolist(), "unchanged, it is the run itself"
    ends = [event for event in events if event["kind"] == "run"]
    assert len(ends) == len(ARMS) * PAIRS
    assert events[-1]["kind"] == "end"
    assert events[-1]["verdict"] in ("better", "worse", "open")


def test_a_trial_of_what_is_not_stored_or_changes_nothing_is_refused(place):
    for step, change in ((STEPS - 1, "rate_ten"), (STEPS, "more_steps")):
        with pytest.raises((NotPossible, kb.KoubaiError, KeyError)):
            list(perform_trial(opened(place.folder, None, step), step, change))


def test_weights_are_the_same_with_and_without_a_page_that_watches(tmp_path):
    """The page reads, and a reader cannot change a file: what is left to show is that it takes no lock."""
    root = tmp_path / "runs"
    root.mkdir()
    hub, stop, seen = Hub((root,)), threading.Event(), []

    def watch():
        version = 1
        while not stop.is_set():
            hub._rows()
            for place in hub.listing.places.values():
                follower = Follower(place.folder, version)
                while follower.read(version := version + 1):
                    pass
                seen.append(follower.step)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        watched = train(RECIPE, folder=root / "mine", save_every=10)
    finally:
        stop.set()
        thread.join()
    alone = train(RECIPE)
    assert seen
    for path, w in alone.session.state().weights.params.items():
        assert w.tobytes() == watched.session.state().weights.params[path].tobytes(), path
