"""Experiment: a question, arms as edits of one recipe, seeds, and claims about what will come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Annotated, Any, Protocol

from koubai.core.errors import ConfigError, Problem, did_you_mean, nearest
from koubai.lab.declare.measures import factor_name
from koubai.train.plain import AtLeast
from koubai.words import LANGUAGES, language
from koubai.words.phrase import phrase

MOST_SEEDS = 100_000
"""More than any experiment needs; a list of them must fit into memory."""


class Plan(Protocol):
    """What decides one run. A training Recipe is one; a descent on a surface is another."""

    seed: int

    @property
    def hash(self) -> str:
        """Name of this plan: equal plans, equal names."""
        ...

    def edit(self, **changes: Any) -> Any:
        """Return a copy with fields replaced, by dotted path."""
        ...

    def diff(self, other: Any) -> dict[str, tuple[Any, Any]]:
        """Return what differs, by dotted path."""
        ...


@dataclass(frozen=True)
class Text:
    """One text in every language; a user who writes one language sees it in both."""

    en: str = ""
    ja: str = ""

    def say(self, lang: str | None = None) -> str:
        """Return the text in a language (None = the one in use), or in the other where it is missing."""
        chosen: str = getattr(self, lang or language())
        return chosen or next((text for name in LANGUAGES if (text := getattr(self, name))), "")


@dataclass(frozen=True)
class Published:
    """What other people measured for an arm: mean, sample standard deviation, number of runs."""

    mean: float
    sd: float | None = None
    n: int | None = None

    @property
    def spread(self) -> float:
        """Half width within which a mean counts as the same: two standard deviations, at least .005."""
        return max(2 * (self.sd or 0.0), 0.005)


@dataclass(frozen=True)
class Arm:
    """One thing compared: edits of the experiment's base.

    | field     | meaning                                                                       |
    |-----------|-------------------------------------------------------------------------------|
    | edits     | dotted path of the recipe -> its new value                                    |
    | factors   | axis -> level: {"activation": "sigmoid", "initializer": "He"}                 |
    | label     | what a learner reads; the name where empty                                    |
    | levels    | axis -> its level as a learner reads it; as in `factors` where not given      |
    | defect    | the course's own mistake that this arm repeats on purpose, e.g. "D3"          |
    | published | the outcome other people measured                                             |
    """

    name: str
    edits: Mapping[str, Any] = field(default_factory=dict)
    factors: Mapping[str, str] = field(default_factory=dict)
    label: Text = Text()
    defect: str | None = None
    published: Published | None = None
    levels: Mapping[str, Text] = field(default_factory=dict)

    def title(self, lang: str | None = None) -> str:
        """Return what a learner reads."""
        return self.label.say(lang) or self.name

    def level(self, axis: str, lang: str | None = None) -> str:
        """Return this arm's level of an axis as a learner reads it."""
        return self.levels[axis].say(lang) if axis in self.levels else self.factors[axis]


@dataclass(frozen=True)
class Claim:
    """'`arm` ends with a higher (or lower) `measure` than `over`', by more than `margin`.

    With `over` None the claim is about a value: '`arm` ends above (below) `margin`'. A difference that lies
    surely within +-`matters` counts as none (None: half a point for accuracies, 0 for anything else).
    One run decides where nothing in the measure is random, such as a count of parameters.
    """

    arm: str
    over: str | None
    measure: str = "test_accuracy"
    direction: str = "higher"
    margin: float = 0.0
    matters: float | None = None

    def __post_init__(self) -> None:
        if self.direction not in ("higher", "lower"):
            raise ConfigError(
                "claim",
                [
                    Problem(
                        "direction",
                        phrase("no_direction", name=self.direction),
                        hint=phrase("higher_or_lower"),
                    )
                ],
            )


@dataclass(frozen=True)
class Observations:
    """What is kept of every run besides its scores.

    `taps` and `evaluations` are numbers per run; `evaluate_rows` bounds the training rows evaluated.
    `histograms`, `filters`, `fields` (receptive ones), `weights`, `layers` ask for exhibits (of the first
    seed of every arm); `signal` for how much of what tells samples apart reaches the last activation,
    `factors` for the picture of what every layer makes of the gradient, `outputs` for how sparse and how far
    off center activations are.
    """

    taps: Annotated[int, AtLeast(0)] = 50
    evaluations: Annotated[int, AtLeast(0)] = 20
    evaluate_rows: Annotated[int, AtLeast(1)] | None = 2000
    histograms: bool = False
    filters: bool = False
    fields: bool = False
    weights: bool = False
    layers: bool = False
    signal: bool = False
    factors: bool = False
    outputs: bool = False


@dataclass(frozen=True)
class Experiment:
    """A declared comparison: every arm runs once for every seed, paired by seed.

    | field    | meaning                                                                             |
    |----------|-------------------------------------------------------------------------------------|
    | base     | the recipe (or other plan) that the arms edit                                       |
    | seeds    | the replicas; equal seeds share data order, and initial weights where arms allow it |
    | baseline | the arm that the others are compared with (None: the first)                         |
    | measure  | the score that is compared                                                          |
    | budget   | seconds after which no further run starts (None: no bound)                          |
    | family   | the catalog's name, whose words and closing sentences are used                    |
    """

    name: str
    base: Any
    arms: tuple[Arm, ...]
    question: Text = Text()
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    baseline: str | None = None
    measure: str = "test_accuracy"
    claims: tuple[Claim, ...] = ()
    observations: Observations = Observations()
    budget: float | None = None
    family: str = ""

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise ConfigError(phrase("place.experiment", name=self.name), problems)

    def _problems(self) -> Iterator[Problem]:
        names = [arm.name for arm in self.arms]
        if not names:
            yield Problem("arms", phrase("experiment_compares_nothing"), hint=phrase("add_axis_or_arm"))
        for name in {name for name in names if names.count(name) > 1}:
            yield Problem("arms", phrase("two_arms_have_one_name", name=name))
        if not self.seeds:
            yield Problem("seeds", phrase("at_least_one_seed_is_needed"))
        if len(set(self.seeds)) < len(self.seeds):
            yield Problem("seeds", phrase("seed_is_there_twice"), hint=phrase("every_replica_needs_its_own"))
        asked: list[tuple[str, str | None]] = [("baseline", self.baseline)]
        for i, claim in enumerate(self.claims):
            asked += [(f"claims.{i}.arm", claim.arm), (f"claims.{i}.over", claim.over)]
            if claim.arm == claim.over:
                yield Problem(f"claims.{i}.over", phrase("arm_compared_with_itself", name=claim.arm))
        for path, wanted in asked:
            if wanted is not None and wanted not in names:
                near = nearest(wanted, names)
                hint = did_you_mean(near) or phrase("arms_are", names=", ".join(names))
                yield Problem(path, phrase("no_arm_is_named", name=wanted), hint=hint)

    def _repr_html_(self) -> str:
        from koubai.lab.declare.notebook import experiment_html

        return experiment_html(self)

    @property
    def reference(self) -> Arm:
        """The baseline arm."""
        return self[self.baseline] if self.baseline else self.arms[0]

    def __getitem__(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        """Axis -> its levels, in order of first appearance."""
        found: dict[str, dict[str, None]] = {}
        for arm in self.arms:
            for axis, level in arm.factors.items():
                found.setdefault(axis, {})[level] = None
        return {axis: tuple(levels) for axis, levels in found.items()}

    def plan(self, arm: Arm, seed: int) -> Any:
        """Return the plan of one run; every wrong path of the arm's edits is reported at once."""
        try:
            return self.base.edit(**dict(arm.edits)).edit(seed=seed)
        except ConfigError as error:
            raise ConfigError(
                phrase("place.experiment_arm", name=self.name, arm=arm.name), error.problems
            ) from None

    def vary(self, path: str, values: Iterable[Any]) -> Experiment:
        """Return this experiment with every arm multiplied by the values of one more path."""
        levels = [(value, f"{path.rsplit('.', 1)[-1]} {brief(value)}") for value in values]
        alone = len(self.arms) == 1 and not self.arms[0].factors
        arms = tuple(
            replace(
                arm,
                name=level if alone else f"{arm.name}, {level}",
                edits={**arm.edits, path: value},
                factors={**arm.factors, path: brief(value)},
                label=_varied(arm, path, level, alone=alone) if arm.label.ja else Text(),
                published=None,
            )
            for arm in self.arms
            for value, level in levels
        )
        return replace(self, arms=arms, claims=(), baseline=None)


def _varied(arm: Arm, path: str, level: str, *, alone: bool) -> Text:
    """Return what a learner reads of an arm whose setting at `path` takes one more value."""
    ja = f"{factor_name(path, 'ja')} {level.rpartition(' ')[2]}"
    return Text(level, ja) if alone else Text(f"{arm.title('en')}, {level}", f"{arm.title('ja')}、{ja}")


@dataclass(frozen=True)
class Axis:
    """One thing that varies: level name -> edits."""

    name: str
    levels: Mapping[str, Mapping[str, Any]]


def grid(*axes: Axis) -> tuple[Arm, ...]:
    """Return one arm for every combination of levels, named 'level + level'.

    >>> arms = grid(Axis("a", {"x": {}, "y": {}}), Axis("b", {"1": {"steps": 1}, "2": {"steps": 2}}))
    >>> [arm.name for arm in arms]
    ['x + 1', 'x + 2', 'y + 1', 'y + 2']
    """
    arms = []
    for levels in product(*(axis.levels.items() for axis in axes)):
        edits = {path: value for _, changes in levels for path, value in changes.items()}
        factors = {axis.name: name for axis, (name, _) in zip(axes, levels, strict=True)}
        arms.append(Arm(" + ".join(factors.values()), edits, factors))
    return tuple(arms)


def with_published(arms: Iterable[Arm], published: Mapping[str, Published]) -> tuple[Arm, ...]:
    """Return the arms with the outcomes that others measured, by arm name."""
    return tuple(replace(arm, published=published.get(arm.name)) for arm in arms)


def brief(value: Any) -> str:
    """Return a value as a short word for an arm's name."""
    if isinstance(value, float):
        return f"{value:g}"
    return getattr(type(value), "registry_name", "") or str(value)
