"""Free play: recipes from a browser checked at the door, trained by the worker, kept, paused, continued."""

import asyncio
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette", reason="pip install 'koubai[page]'")

from koubai.core.errors import ConfigError
from koubai.network.network import Network
from koubai.page.play.bounds import MOST_LAYERS, MOST_STEPS
from koubai.page.play.check import check_size, recipe_in
from koubai.page.play.choices import FIRST, choices
from koubai.page.play.perform import PAUSED, perform_play
from koubai.page.play.shelf import Shelf
from koubai.train.recipe import Recipe
from koubai.train.train import train

from .whole import Page

TABLE = {
    "data": {"type": "moons", "n": 120, "noise": 0.2},
    "network": {"type": "mlp", "hidden": [6, 5], "classes": 2, "activation": "tanh"},
    "optimizer": {"type": "adam", "learning_rate": 0.02},
    "batch_size": 20,
    "steps": 60,
}
NONE = Shelf(None)


@dataclass
class Room:
    """What the worker gives to a job."""

    store: Path
    data_dir: Path | None = None
    most: int = 10**9  # questions after which a stop is told
    sent: list = field(default_factory=list)

    def stopped(self):
        self.most -= 1
        return self.most < 0


@pytest.fixture
def room(tmp_path):
    PAUSED.sessions.clear()
    return Room(tmp_path / "store")


@pytest.fixture
def folder(tmp_path):
    """A data folder with tables, arrays, and what must not be listed."""
    place = tmp_path / "data"
    place.mkdir()
    rows = [
        f"{i % 7},{i * 3 % 11},{'left' if i % 7 > 3 else 'right'},{i % 7 * 1.5 + 0.25}" for i in range(60)
    ]
    (place / "kinds.csv").write_text("\n".join(["a;b;kind", *[";".join(r.split(",")[:3]) for r in rows]]))
    (place / "values.csv").write_text(
        "\n".join(["a,b,y", *[",".join([*r.split(",")[:2], r.split(",")[3]]) for r in rows]])
    )
    np.savez(place / "arrays.npz", x=np.random.default_rng(0).random((40, 3)), t=np.arange(40) % 3)
    (place / "notes.txt").write_text("no data")
    (place / "empty.csv").write_text("")
    (place / "inside").mkdir()
    shutil.copy(place / "values.csv", place / "inside" / "deeper.csv")
    outside = tmp_path / "secret.csv"
    outside.write_text("a,b\n1,2\n")
    (place / "link.csv").symlink_to(outside)
    return place


def played(room, table=TABLE, start=0, stop=-1):
    events = list(perform_play(room, table, start, stop))
    return json.loads(json.dumps(events, allow_nan=False))


def kinds(events):
    return [event["kind"] for event in events]


def losses(events):
    return [pair for event in events if event["kind"] == "part" for pair in event["losses"]]


# -------------------------------------------------------------------------------- a run


def test_a_run_is_the_one_that_the_recipe_makes_anywhere(room):
    events = played(room)
    run = train(Recipe.from_toml(events[0]["toml"]))
    steps, values = run.history.series("loss")
    assert losses(events) == [[int(a), float(f"{b:.6g}")] for a, b in zip(steps, values, strict=True)]
    assert events[-1]["step"] == 60
    for part, score in run.scores.items():
        assert events[-1]["scores"][f"{part}_loss"] == float(f"{score.loss:.6g}")
        assert events[-1]["scores"][f"{part}_accuracy"] == float(f"{score.accuracy:.6g}")


def test_its_events_hold_all_that_is_drawn(room):
    events = played(room)
    begin, look = events[0], [event for event in events if event["kind"] == "look"][-1]
    assert kinds(events)[0] == "begin"
    assert kinds(events)[-1] == "end"
    assert [layer["name"] for layer in begin["layers"]] == ["Linear"] * 3
    columns = [column for event in events if event["kind"] == "part" for column in event["gradients"]]
    assert [step for step, _ in columns] == list(range(1, 61))
    assert all(len(values) == 3 and min(values) > 0 for _, values in columns)
    scores = [one for event in events if event["kind"] == "part" for one in event["scores"]]
    assert [one["step"] for one in scores] == list(range(61)), "60 updates have room for one a step"
    assert {len(row) for row in look["plane"]["rows"]} == {len(look["plane"]["rows"])} == {40}
    for one in look["histograms"]:
        assert sum(one["shares"]) == pytest.approx(1, abs=0.01)
    assert [one["shape"] for one in look["weights"]] == [[2, 6], [6, 5], [5, 2]]
    assert np.shape(look["weights"][1]["tiles"]) == (1, 6, 5)


def test_the_plane_shows_the_answers_of_the_weights(room):
    events = played(room)
    run = train(Recipe.from_toml(events[0]["toml"]))
    frame, rows = events[0]["plane"], events[-2]["plane"]["rows"]
    xs, ys = (np.linspace(a, b, 40) for a, b in zip(frame["low"], frame["high"], strict=True))
    for i, j in ((0, 0), (3, 30), (39, 39), (20, 11)):
        y = run.session.outputs(np.array([[xs[j], ys[i]]], np.float32))[0].astype(float)
        share = 1 / (1 + np.exp(y[0] - y[1]))
        assert abs(int(rows[i][j]) - 9 * share) <= 0.51


def test_the_same_question_is_answered_from_the_store(room):
    first, again = played(room), played(room)
    assert (first[0]["reused"], again[0]["reused"]) == (False, True)
    assert kinds(again) == ["begin", "part", "look", "end"]
    assert losses(again) == losses(first)
    assert again[-2] == first[-2]
    assert again[-1]["scores"] == first[-1]["scores"]
    assert not played(room, {**TABLE, "seed": 1})[0]["reused"]


def test_paused_gone_on_with_and_by_single_updates_it_is_the_same_run(room):
    whole = losses(played(Room(room.store.parent / "other")))
    room.most = 3
    first = played(room)
    paused = first[-1]
    assert paused["stopped"]
    assert 0 < paused["step"] < 60
    room.most = 10**9
    one = played(room, start=paused["step"], stop=paused["step"] + 1)
    assert one[-1]["step"] == paused["step"] + 1
    assert one[0]["start"] == paused["step"]
    rest = played(room, start=paused["step"] + 1)
    assert losses(first) + losses(one) + losses(rest) == whole
    PAUSED.sessions.clear()  # a worker that died has forgotten it: made again, to the same numbers
    room.store = room.store.parent / "third"
    forgotten = played(room, start=paused["step"] + 1)
    assert losses(forgotten) == losses(rest)
    columns = [step for event in one if event["kind"] == "part" for step, _ in event["gradients"]]
    assert columns == [paused["step"] + 1], "a single update is always on the map"


def test_the_initial_weights_are_the_same_again(room):
    looks = [[event for event in played(room, stop=0) if event["kind"] == "look"][-1] for _ in range(2)]
    played(room, stop=5)
    looks.append([event for event in played(room, stop=0) if event["kind"] == "look"][-1])
    assert looks[0] == looks[1] == looks[2]
    assert looks[0]["step"] == 0


def test_a_run_that_diverges_ends_with_a_word(room):
    table = {**TABLE, "optimizer": {"type": "sgd", "learning_rate": 1e30}, "loss": "softmax_cross_entropy"}
    events = played(room, {**table, "network": {"type": "mlp", "hidden": [6], "activation": "relu"}})
    assert events[-1]["finite"] is False
    assert events[-1]["stopped"] is False
    assert events[-1]["step"] < 60


def test_a_minute_is_the_longest(room, monkeypatch):
    from koubai.page.play import perform as module

    monkeypatch.setattr(module, "SECONDS", 0.0)
    end = played(room)[-1]
    assert (end["stopped"], end["late"], end["step"]) == (True, True, 1), "after its first updates"


def test_the_minute_does_not_begin_while_kernels_are_compiled(room, monkeypatch):
    from koubai.page.play import perform as module

    clock, advance = [0.0], module.Session.advance

    def slow(session, steps):
        clock[0] += 90.0 if session.step == 0 else 0.001  # the first update waits for a compiler
        return advance(session, steps)

    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(module.Session, "advance", slow)
    end = played(room)[-1]
    assert (end["stopped"], end["late"], end["step"]) == (False, False, TABLE["steps"])


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_pictures_are_played_with_too(room, activation):
    table = {
        "data": {"type": "digits", "train": 100},
        "network": "simple_convnet",
        "steps": 3,
        "batch_size": 10,
    }
    if activation == "sigmoid":
        table |= {"network": {"type": "mlp", "hidden": [8], "activation": activation, "batch_norm": True}}
    events = played(room, table)
    assert events[-1]["kind"] == "end"
    assert events[0]["plane"] is None
    tiles = events[-2]["weights"][0]["tiles"]
    assert np.shape(tiles)[1:] == ((5, 5) if activation == "relu" else (8, 8))


# -------------------------------------------------------------------------------- own data


def test_the_list_holds_the_data_of_the_folder_and_nothing_else(folder):
    files = Shelf(folder).files()
    assert [(one["name"], one["type"]) for one in files] == [
        ("arrays.npz", "npz_file"),
        ("kinds.csv", "table_file"),
        ("values.csv", "table_file"),
    ]
    assert files[1]["columns"] == ["a", "b", "kind"]
    assert Shelf(None).files() == []


def test_a_folder_that_is_gone_holds_nothing(tmp_path):
    found = choices(Shelf(tmp_path / "gone"))
    assert (found["files"], found["data"][0]) == ([], "digits")
    with pytest.raises(ConfigError, match="not among"):
        recipe_in({**TABLE, "data": "mnist"}, Shelf(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("data", "classes", "loss"),
    [
        ({"type": "table_file", "path": "kinds.csv", "target": "kind"}, 2, "softmax_cross_entropy"),
        ({"type": "table_file", "path": "values.csv", "target": "y"}, None, "mean_squared_error"),
        ({"type": "npz_file", "path": "arrays.npz"}, 3, "softmax_cross_entropy"),
    ],
)
def test_files_of_ones_own_get_outputs_and_loss_that_fit(room, folder, data, classes, loss):
    room.data_dir = folder
    table = {**TABLE, "data": data, "network": {"type": "mlp", "hidden": [5]}, "steps": 20}
    events = played(room, table)
    assert events[-1]["kind"] == "end", events[-1]
    assert events[0]["classes"] == classes
    assert events[0]["table"].get("loss") == loss
    recipe = Recipe.from_toml(events[0]["toml"])
    assert train(recipe, data_dir=folder).scores["test"].loss == pytest.approx(
        events[-1]["scores"]["test_loss"], rel=1e-5
    )


@pytest.mark.parametrize(
    "path",
    ["link.csv", "inside/deeper.csv", "../secret.csv", "notes.txt", "KINDS.csv", "./kinds.csv", "", 7, None],
)
def test_no_path_from_a_browser_is_ever_opened(folder, path):
    data = {"type": "table_file", "path": path, "target": "b"}
    with pytest.raises(ConfigError, match="not in the list of files"):
        recipe_in({**TABLE, "data": data}, Shelf(folder))
    with pytest.raises(ConfigError, match="not in the list of files"):
        recipe_in({**TABLE, "data": {**data, "path": str(folder / "kinds.csv")}}, Shelf(folder))


# -------------------------------------------------------------------------------- at the door

WRONG = {
    "data of a path": ({"data": {"type": "image_folder", "path": "/etc"}}, "data"),
    "data inside data": ({"data": {"type": "flawed", "source": {"type": "digits"}}}, "data"),
    "a download": ({"data": "cifar10"}, "data"),
    "a large network": ({"network": "resnet18"}, "network"),
    "a layer of layers": ({"network": [{"type": "residual", "body": []}]}, "network.0"),
    "many layers": ({"network": ["relu"] * (MOST_LAYERS + 1)}, "network"),
    "many hidden layers": ({"network": {"type": "mlp", "hidden": [2] * (MOST_LAYERS + 1)}}, "network.hidden"),
    "a wide layer": ({"network": {"type": "mlp", "hidden": [10**12]}}, "network.hidden"),
    "no number": ({"steps": "many"}, "steps"),
    "many steps": ({"steps": MOST_STEPS + 1}, "steps"),
    "negative steps": ({"steps": -1}, "steps"),
    "a large batch": ({"batch_size": 10**6}, "batch_size"),
    "many samples": ({"data": {"type": "moons", "n": 10**9}}, "data.n"),
    "a negative rate": ({"optimizer": {"type": "sgd", "learning_rate": -1}}, "optimizer.learning_rate"),
    "a mistyped optimizer": ({"optimizer": "adm"}, "optimizer"),
    "a setting that is none": ({"optimizer": {"type": "sgd", "beta": 1}}, "optimizer.beta"),
    "a mistyped activation": ({"network": {"type": "mlp", "hidden": [2], "activation": "rleu"}}, "network"),
    "no network": ({"network": None}, "network"),
    "nothing": ({"network": {}, "data": []}, "network"),
}


@pytest.mark.parametrize("name", WRONG)
def test_every_input_is_checked_and_told_in_both_languages_with_its_field(page, name):
    changes, path = WRONG[name]
    asked = {"client": "a-client-of-tests", "recipe": {**TABLE, **changes}, "start": 0, "stop": -1}

    async def talk(page):
        answer = await page.ask("POST", "/play", json.dumps(asked).encode())
        assert answer.status == 422, answer.body
        problems = answer.json()["problems"]
        found = next(one for one in problems if one["path"].startswith(path))
        assert found["text"]["en"] != found["text"]["ja"], "said in Japanese too"
        assert page.jobs.asked == [], "nothing was begun"

    page(talk)


def test_what_only_the_data_tell_is_told_by_the_worker_in_the_same_way(room):
    events = played(room, {**TABLE, "network": "simple_convnet"})
    assert kinds(events) == ["failed"]
    assert events[0]["problems"][0]["text"]["ja"]
    recipe = recipe_in({**TABLE, "steps": 5000, "network": {"type": "mlp", "hidden": [900, 900]}}, NONE)
    with pytest.raises(ConfigError, match="parameters"):
        check_size(recipe, Network(recipe.network, (2,), recipe.initializer))
    recipe = recipe_in(
        {**TABLE, "steps": 5000, "batch_size": 1000, "network": {"type": "mlp", "hidden": [600, 600]}}, NONE
    )
    check_size(recipe, Network(recipe.network, (2,), recipe.initializer))


def test_every_choice_of_the_form_is_a_recipe():
    found = choices(NONE)
    assert recipe_in(FIRST, NONE).steps == FIRST["steps"]
    places = {"optimizer": "optimizer", "initializer": "initializer", "network": "network"}
    for kind, place in places.items():
        for one in found[kind]:
            recipe_in({**FIRST, place: one["name"]}, NONE)
    for one in found["activation"]:
        recipe_in({**FIRST, "network": {"type": "mlp", "hidden": [2], "activation": one["name"]}}, NONE)
    for one in found["penalty"]:
        recipe_in({**FIRST, "penalties": [{"type": one["name"], "strength": 0.1}]}, NONE)
    for name in found["data"]:
        recipe_in({**FIRST, "data": name}, NONE)


def test_a_second_job_of_a_client_takes_the_place_of_the_first(page):
    async def talk(page):
        asked = {"client": "a-client-of-tests", "recipe": TABLE, "start": 0, "stop": -1}
        first = (await page.ask("POST", "/play", json.dumps(asked).encode())).json()["job"]
        lesson = {"client": "a-client-of-tests", "lesson": "step_size", "round": 0}
        second = (await page.ask("POST", "/jobs", json.dumps(lesson).encode())).json()["job"]
        assert page.jobs.asked == [("job", first, "play", TABLE, 0, -1), ("stop", first)]
        page.jobs.says(first, kind="end", stopped=True, step=3)
        assert page.jobs.asked[-1][:3] == ("job", second, "lesson")

    page(talk)


PARTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["mlp", "moons", "sequential", "adam", "table_file", "../x", "relu"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "hidden", "layers", "path", "n", "x"]) | st.text(max_size=6),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
TABLES = st.fixed_dictionaries({}, optional={name: PARTS | st.just(value) for name, value in TABLE.items()})
ASKED = st.fixed_dictionaries(
    {
        "client": st.just("a-client-of-tests"),
        "recipe": TABLES | PARTS,
        "start": st.integers() | st.just(0),
        "stop": st.integers() | st.just(-1),
    },
    optional={"more": PARTS},
)


@given(st.lists(ASKED, min_size=20, max_size=20))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_malformed_recipes_are_answered_in_the_hundreds_of_two_or_four(many):
    async def main():
        page = Page()
        for asked in many:
            answer = await page.ask("POST", "/play", json.dumps(asked).encode())
            assert answer.status in (201, 400, 422, 429), answer
            assert b"Traceback" not in answer.body

    asyncio.run(main())
