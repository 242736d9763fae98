"""Lesson: what is guessed, which runs answer, what follows from them, and where a wrong idea shows.

Seven parts, the same in every lesson: a guess; runs that answer it; the gap between both; the reason, as
formula, code and number; the wrong idea put right; a question answered by computation; and what comes again
on another day. A lesson says what is its own of that, as plain values; `koubai.page` shows it.

Words of a lesson NAME in words/lessons.toml: NAME.title, .lead, .guess, .seen, .why, .reason.KEY,
.wrong.KEY (the idea), .not.KEY (that it is wrong, and what is right), .row.KEY, .arm.KEY, .point.KEY. Their
placeholders are facts of the runs (`facts`) and numbers of the guess.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from koubai.core.registry import Registry
from koubai.engines.engine import Observation
from koubai.lab.declare.experiment import Arm, Experiment, Observations
from koubai.lab.perform.run_result import RunResult
from koubai.study.mathml import formula
from koubai.study.term import code_of
from koubai.train.recipe import Recipe
from koubai.train.session import Session

LESSONS = Registry("lesson")
SEEDS = 5
"""Runs of every arm; another round takes other seeds."""
ROUNDS = 100
_LOSSES = 60


@dataclass(frozen=True)
class Scale:
    """The scale of one point whose value is of another kind than the others'; the fields are a Guess's."""

    low: float
    high: float
    start: float
    step: float
    log: bool = False
    share: bool = False


@dataclass(frozen=True)
class Guess:
    """What a learner is asked to guess: one value at each of some points.

    | field   | meaning                                                                           |
    |---------|-----------------------------------------------------------------------------------|
    | kind    | "curve": points in a row, to be drawn; "levels": one value for each of some arms;  |
    |         | "order": the arms in a row, the one with the highest value first, from place 1;    |
    |         | "paths": a way down a surface for each of some arms, from `begin`                  |
    | points  | their names; a number names itself                                                |
    | arm     | which arm a curve is guessed for; "" where every point is an arm                  |
    | low     | lower end of the scale; an exponent of ten where `log`                            |
    | start   | where all points stand before the learner moves them                              |
    | given   | point -> its value, which is not asked                                            |
    | floor   | what a value of exactly 0 is drawn as, on a scale of powers                       |
    | share   | whether the values are shares, written in percent                                 |
    | tie     | values that differ by no more than this may change places in an order              |
    | scales  | point -> a scale of its own                                                        |
    | surface | of paths: a quadratic's two curvatures, ends of its axes, and where all paths begin |
    """

    kind: Literal["curve", "levels", "order", "paths"]
    points: tuple[str, ...]
    low: float
    high: float
    start: float
    step: float
    arm: str = ""
    log: bool = False
    share: bool = False
    floor: float = 0.0
    tie: float = 0.0
    given: Mapping[str, float] = field(default_factory=dict)
    scales: Mapping[str, Scale] = field(default_factory=dict)
    surface: Mapping[str, Any] = field(default_factory=dict)

    def at(self, point: str) -> Guess | Scale:
        """Return the scale of a point."""
        return self.scales.get(point, self)

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        scales = {point: vars(scale) for point, scale in self.scales.items()}
        given, surface = dict(self.given), dict(self.surface)
        return {
            **vars(self),
            "points": list(self.points),
            "given": given,
            "scales": scales,
            "surface": surface,
        }


@dataclass(frozen=True)
class Wrong:
    """A wrong idea that a guess shows: it does where every named number of the guess lies between two."""

    name: str
    when: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Row:
    """One line of the reason: a formula, the code that computes it, and a number of the trace.

    `code` is "module:name.of.function"; `line` is a part of the one line in it that is meant. A row that
    holds at some places of the trace only, as each arm runs a line of its own, names them.
    """

    name: str
    formula: str
    code: str
    line: str
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frame:
    """The numbers of one update, at each place of it (a layer, an arm): place -> name -> value."""

    step: int
    places: Mapping[str, Mapping[str, float]]


class Lesson:
    """Base of all lessons. The docstring says what a learner should know afterwards."""

    registry_name: ClassVar[str] = ""
    number: ClassVar[int]
    guess: ClassVar[Guess]
    arms: ClassVar[tuple[str, ...]]
    reasons: ClassVar[tuple[str, ...]]
    """Answers to 'why?'; the first is right, each other one is a wrong idea with its own .wrong and .not."""
    wrongs: ClassVar[tuple[Wrong, ...]] = ()
    """Wrong ideas that a guess shows, most telling first."""
    usual: ClassVar[str]
    """The wrong idea that is told where neither guess nor reason shows one."""
    others: ClassVar[tuple[str, ...]] = ()
    """Further wrong ideas, which no guess shows; they are told below the one that was."""
    rows: ClassVar[tuple[Row, ...]]
    questions: ClassVar[tuple[str, ...]]
    experiment_name: ClassVar[str] = ""
    """The experiment of the catalog that goes on from here."""

    filters: ClassVar[Mapping[str, Any]] = {}
    """Arm -> size, kernel, stride and padding of a filter that a learner moves; none in most lessons."""

    random: ClassVar[bool] = True
    """Whether other seeds give other runs."""

    slider: ClassVar[tuple[float, ...]] = ()
    """Values of one setting that a learner moves through after the runs; `beside` makes the runs for it."""
    slider_arms: ClassVar[tuple[str, ...]] = ()
    slider_numbers: ClassVar[tuple[str, ...]] = ()
    """Scores that are told of each of these arms at each of these values."""

    def experiment(self, seeds: Sequence[int]) -> Experiment:
        """Return the runs that answer the guess."""
        raise NotImplementedError

    def experiment_of(
        self, base: Any, arms: tuple[Arm, ...], seeds: Sequence[int], **observed: Any
    ) -> Experiment:
        """Return an experiment under the lesson's name; `observed` is what its Observations are made of."""
        name = f"lesson-{self.registry_name}"
        return Experiment(name, base, arms, seeds=tuple(seeds), observations=Observations(**observed))

    def values(self, run: RunResult) -> dict[str, float]:
        """Return what one run says at each point of the guess: by default, its test accuracy at its arm."""
        return {run.arm: run.scores["test_accuracy"]}

    def series(self, arm: str) -> str:
        """Return which line of the chart an arm of the experiment belongs to."""
        return arm

    def beside(self, seeds: Sequence[int]) -> Experiment | None:
        """Return the runs of the slider, made while a learner looks at those of the guess.

        Their arms are called "ARM VALUE"; an arm that the slider does not change is called "ARM".
        """
        return None

    def pictures(self) -> dict[str, Any] | None:
        """Return what is to be looked at update by update, as plain values; None in most lessons."""
        return None

    def path(self, run: RunResult) -> list[list[float]] | None:
        """Return the points of a way down, where a path was guessed."""
        return None

    def curve(self, run: RunResult) -> tuple[list[int], list[float]]:
        """Return steps and losses of one run, a few dozen of them; none where no loss was recorded."""
        steps, losses = run.history.series("loss")
        if not len(steps):
            return [], []
        taken = np.unique(np.linspace(0, len(steps) - 1, _LOSSES).round().astype(int))
        return steps[taken].tolist(), losses[taken].tolist()

    def facts(self, runs: Sequence[RunResult]) -> dict[str, float]:
        """Return the numbers that the sentences speak of."""
        raise NotImplementedError

    def trace(self) -> list[Frame]:
        """Return the first updates of one run, made by the formulas' own code (the reference engine)."""
        raise NotImplementedError

    def card(self) -> dict[str, Any]:
        """Return all that a page needs of the lesson before any run, as plain values."""
        return {
            "name": self.registry_name,
            "number": self.number,
            "guess": self.guess.plain(),
            "arms": list(self.arms),
            "reasons": list(self.reasons),
            "wrongs": [
                {"name": wrong.name, "when": {key: list(ends) for key, ends in wrong.when.items()}}
                for wrong in self.wrongs
            ],
            "usual": self.usual,
            "others": list(self.others),
            "rows": [
                {
                    "name": row.name,
                    "formula": formula(row.formula),
                    "places": list(row.places),
                    **code_line(row),
                }
                for row in self.rows
            ],
            "filters": {name: dict(vars(setting)) for name, setting in self.filters.items()} or None,
            "slider": {
                "values": list(self.slider),
                "arms": list(self.slider_arms),
                "numbers": list(self.slider_numbers),
            }
            if self.slider
            else None,
            "pictures": type(self).pictures is not Lesson.pictures,
            "random": self.random,
            "questions": list(self.questions),
            "experiment": self.experiment_name,
        }


def slid(runs: Sequence[RunResult], lesson: Lesson) -> list[dict[str, Any]]:
    """Return the mean of each number of the slider for each arm at each value, as plain values."""
    found = []
    for value in lesson.slider:
        for arm in lesson.slider_arms:
            mine = [run.scores for run in runs if run.arm in (arm, f"{arm} {value:g}")]
            numbers = {
                name: float(np.mean([scores[name] for scores in mine])) for name in lesson.slider_numbers
            }
            found.append({"value": value, "arm": arm, "n": len(mine), **numbers})
    return found


def looked_at(recipe: Recipe, updates: int) -> Session:
    """Return a run's first updates, each of them watched, made by the formulas' own code."""
    session = Session(recipe, engine="reference", observation=Observation(tap_every=1, units=False))
    session.advance(updates)
    return session


def code_line(row: Row) -> dict[str, str]:
    """Return the one line of code that a row means, and where it stands.

    Raises:
        ValueError: the line is not in the function, or not only once.
    """
    code = code_of(row.code)
    inside = [line.strip() for line in code.text.splitlines() if row.line in line]
    if len(inside) != 1:
        raise ValueError(f"{row.code}: {row.line!r} stands there {len(inside)} times")
    module = inspect.getmodule(_function(row.code))
    assert module is not None
    lines = Path(str(module.__file__)).read_text(encoding="utf-8").splitlines()
    first = int(code.place.rpartition(":")[2])
    number = next(i for i, line in enumerate(lines[first - 1 :], first) if line.strip() == inside[0])
    return {"code": inside[0], "place": f"koubai/{code.place.rpartition(':')[0]}:{number}"}


def _function(target: str) -> Any:
    from importlib import import_module

    module, _, name = target.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
