"""The loop, sessions and what is told about them."""

import io
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import koubai as kb
from koubai.core.errors import ConfigError
from koubai.core.layer import Layer
from koubai.train import Observation, Recipe, Session, finish, loop, train
from koubai.train.notebook import run_html
from koubai.train.progress import Progress, duration
from koubai.train.sentences import ended, go_on, score_rows
from koubai.words import set_language


@pytest.fixture(params=["en", "ja"])
def lang(request):
    set_language(request.param)
    yield request.param
    set_language(None)


def test_a_run_does_not_depend_on_the_stretches_it_is_made_of(recipe, watch):
    whole = train(recipe, engine="reference", observation=watch)
    session = Session(recipe, engine="reference", observation=watch)
    session.record_scores()
    for steps in (1, 13, 1, 15, 15, 15):
        session.advance(steps)
        if session.step % 15 == 0:
            session.record_scores()
    assert session.history == whole.history
    for name, w in session.state().weights.params.items():
        assert w.tobytes() == whole.session.state().weights.params[name].tobytes()


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_when_the_history_is_read_changes_nothing_in_it(recipe, engine):
    watch = Observation(tap_every=3, first_until=2)
    often, once = (Session(recipe, engine=engine, observation=watch) for _ in range(2))
    for stretch in (1, 4, 20, 7):
        for session in (often, once):
            session.advance(stretch)
            session.record_scores()
        assert often.history.series("weight_norm", "1.weight")[0][-1] == max(1, often.step // 3 * 3)
        assert often.history.vectors
    assert list(often.history.columns) == list(once.history.columns)
    assert list(often.history.vectors) == list(once.history.vectors)
    assert often.history == once.history


def test_scores_and_losses_are_recorded_where_asked(recipe, watch):
    run = train(recipe, engine="reference", observation=watch)
    history = run.history
    assert history.series("test_accuracy")[0].tolist() == [0, 15, 30, 45, 60]
    assert history.series("loss")[0].tolist() == list(range(1, 61))
    assert history.series("weight_norm", "1.weight")[0].tolist() == [1, 10, 20, 30, 40, 50, 60]
    assert run.scores["test"].accuracy == history.last("test_accuracy")
    assert run.scores["train"].count == 100
    assert run.stopped_by is None


def test_without_evaluations_the_end_is_still_scored(recipe):
    run = train(recipe, engine="reference", observation=Observation())
    assert run.history.series("test_loss")[0].tolist() == [0, 60]
    assert run.history.quantities("1.weight") == []


def test_a_run_of_no_steps_is_its_start(recipe, watch):
    run = train(recipe.edit(steps=0), engine="reference", observation=watch)
    assert run.history.series("test_loss")[0].tolist() == [0]
    assert set(run.scores) == {"train", "val", "test"}


def test_whoever_watches_may_end_the_run(recipe, watch, lang):
    def doctor(session):
        if session.step >= 20:
            session.stopped_by = "hopeless"

    run = train(recipe, engine="reference", observation=watch, on_progress=doctor)
    assert run.stopped_by == "hopeless"
    assert run.history.series("test_loss")[0][-1] == run.session.step < 60
    assert "hopeless" in ended(run)


def test_the_time_of_the_first_update_is_start_up(recipe, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    for module in (loop, sys.modules[train.__module__]):  # the package has a function of that name
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    advance = Session.advance

    def slow_at_first(session, steps):
        clock.now += 1.0 if session.step else 40.0  # code is compiled when it is first called
        return advance(session, steps)

    monkeypatch.setattr(Session, "advance", slow_at_first)
    run = train(recipe)
    assert run.startup == 40.0
    assert 0 < run.seconds - run.startup < recipe.steps
    assert "after 40.0 s of start-up" in ended(run)


def test_a_finished_run_stays_as_it_is(recipe, watch):
    run = train(recipe, engine="reference", observation=watch)
    before = run.history.until(60)
    again = finish(run.session)
    assert again.history == before
    assert again.scores["test"] == run.scores["test"]


def test_a_fork_goes_its_own_way_from_the_same_state(recipe, watch):
    session = Session(recipe, engine="reference", observation=watch)
    session.advance(10)
    same, other = session.fork(), session.fork({"optimizer.learning_rate": 0.5})
    losses = session.advance(5)
    assert np.array_equal(same.advance(5), losses)
    apart = other.advance(5)
    assert apart[0] == losses[0]
    assert not np.array_equal(apart[1:], losses[1:])
    assert len(other.history.series("loss")[0]) == 5


def test_restoring_forgets_what_came_after(recipe, watch):
    session = Session(recipe, engine="reference", observation=watch)
    session.advance(10)
    state, early = session.state(), session.history.until(10)
    first = session.advance(7)
    session.restore(state)
    assert session.history == early
    assert np.array_equal(session.advance(7), first)


def test_everything_that_does_not_fit_is_told_before_training(recipe):
    with pytest.raises(ConfigError) as error:
        Session(
            recipe.edit(
                network=kb.Sequential(kb.Flatten(), kb.Linear(3)), early_stopping=kb.EarlyStopping()
            ).edit(**{"data.validation": 0}),
            engine="reference",
        )
    assert [problem.path for problem in error.value.problems] == ["network", "early_stopping"]


@dataclass(frozen=True)
class Counting(Layer):
    """Passes its input through and notes how many threads BLAS has."""

    def forward(self, cell, x):
        seen.update(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return x

    def backward(self, cell, dy):
        return dy


seen = set()


def in_thread(function):
    """What a function returns in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(60)


@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_keeps_to_its_threads_in_any_thread(engine, threads):
    def run():
        seen.clear()
        layers = kb.Flatten(), kb.Linear(10), Counting()
        fitted = kb.fit(
            kb.Sequential(*layers), kb.data.digits(), engine=engine, threads=threads, steps=2, batch_size=10
        )
        trained = set(seen)
        seen.clear()
        fitted.predict(np.zeros((3, 1, 8, 8), np.float32))
        return trained, set(seen)

    assert run() == ({threads}, {threads})
    assert in_thread(run) == ({threads}, {threads})


def test_a_run_in_a_thread_has_the_bits_of_one_in_the_main_thread():
    random = np.random.default_rng(0)
    x, t = random.standard_normal((400, 500)).astype("float32"), random.integers(0, 10, 400)

    def run():
        layers = kb.Linear(300), kb.ReLU(), kb.Linear(10)
        fitted = kb.fit(
            kb.Sequential(*layers), (x, t), engine="reference", threads=1, steps=5, batch_size=200
        )
        return {path: w.tobytes() for path, w in fitted.session.state().weights.params.items()}

    weights = run()
    assert in_thread(run) == weights
    for before in (1, 2):  # threads BLAS has without any bound of ours
        with threadpool_limits(before, "blas"):
            assert run() == weights
            assert in_thread(run) == weights


def test_progress_off_a_terminal_is_a_line_every_few_seconds(recipe, lang):
    file = io.StringIO()
    with Progress(every=0.0, file=file) as progress:
        train(recipe, engine="reference", on_progress=progress)
    lines = file.getvalue().splitlines()
    assert 2 <= len(lines) <= 60
    assert "60" in lines[-1]
    assert "100%" in lines[-1]
    assert ("検証正解率" if lang == "ja" else "validation accuracy") in lines[-1]
    quiet = io.StringIO()
    with Progress(file=quiet) as progress:
        train(recipe, engine="reference", on_progress=progress)
    assert quiet.getvalue() == ""


def test_durations_have_their_natural_unit(lang):
    units = {"en": ("s", "min", "h"), "ja": ("秒", "分", "時間")}[lang]
    assert [duration(seconds).split(" ") for seconds in (8, 300, 9000)] == [
        ["8", units[0]],
        ["5", units[1]],
        ["2.5", units[2]],
    ]


@pytest.mark.parametrize("reason", [None, "early stopping", "not finite", "interrupted", "a doctor's word"])
def test_every_end_has_its_sentence(recipe, reason, lang):
    run = train(recipe.edit(steps=3), engine="reference")
    run.stopped_by = reason
    assert "3" in ended(run)
    assert "run.resume()" in go_on(run)
    assert [row[0] for row in score_rows(run.scores)][1] in ("training", "訓練")


def test_a_run_shows_itself_in_a_notebook(recipe, lang):
    from html.parser import HTMLParser

    class Parser(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open, self.seen = [], []

        def handle_starttag(self, tag, attrs):
            self.open.append(tag)
            self.seen.append(tag)
            assert not any(name in ("src", "href", "onclick") for name, _ in attrs)

        def handle_startendtag(self, tag, attrs):
            self.seen.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    run = kb.fit(recipe, progress=False, engine="reference")
    parser = Parser()
    parser.feed(run._repr_html_())
    assert parser.open == []
    assert {"table", "svg", "polyline", "title"} <= set(parser.seen)
    assert "script" not in parser.seen
    run.stopped_by = "<script>"
    assert "<script>" not in run_html(run)
    assert "BatchNorm" in run.session.network._repr_html_()


def test_a_curve_with_nan_or_of_one_point_is_still_a_page(recipe):
    with np.errstate(all="ignore"):
        bad = train(
            recipe.edit(optimizer=kb.SGD(1e30), network=kb.Sequential(kb.Flatten(), kb.Linear(10))),
            engine="reference",
        )
    assert "nan" not in run_html(bad).split("<svg")[-1].lower()
    assert "<svg" not in run_html(train(recipe.edit(steps=1), engine="reference"))


def test_recipes_train_on_values_too(watch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    recipe = Recipe(
        kb.Linear(1), kb.data.arrays(x, x @ [1.0, 2.0, 3.0]), loss=kb.MeanSquaredError(), steps=10
    )
    run = train(recipe, engine="reference", observation=watch)
    assert run.scores["test"].accuracy is None
    assert run.history.last("test_accuracy") is None
    assert score_rows(run.scores)[1][-1] == ""
