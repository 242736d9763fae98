"""Proof: does a remedy help, or would anything have helped? Paired seeds, a placebo, a random remedy.

| arm       | recipe                                                        | seeds         |
|-----------|---------------------------------------------------------------|---------------|
| unchanged | as it is                                                      | s             |
| remedy    | treated                                                       | s             |
| placebo   | as it is                                                      | others        |
| random    | treated with another remedy of the menu, a new one each seed  | s             |

All arms have the same number of updates. One pair is one seed: order of samples and, where the change allows
it, initial weights are shared. Placebo and random answer 'it got better anyway' and 'any change would have
done'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from typing import Any

import numpy as np

from koubai.core import random
from koubai.core.errors import KoubaiError
from koubai.core.statistics import Interval, holm, mean, mean_interval, sd, seeds_needed, sign_flip_p
from koubai.data.dataset import Dataset
from koubai.doctor.patient.clinic import Change
from koubai.doctor.patient.facts import data_facts, held_part, loss_facts
from koubai.doctor.patient.skill import skill
from koubai.doctor.remedies import REMEDIES
from koubai.doctor.visit.finding import Finding
from koubai.doctor.visit.reference import chance_of
from koubai.engines.engine import Observation
from koubai.train.recipe import Recipe
from koubai.train.train import Run, train

RIVALS = ("unchanged", "placebo", "random")
ARMS = ("unchanged", "remedy", "placebo", "random")
ALPHA = 0.05
OTHER_SEEDS = 100_000
_WORTH = 0.01  # of skill: an effect that is surely smaller is none
_MOST_SEEDS = 10_000
_WORST = 1.0  # of skill below chance: R^2 has no end downwards, and one such run would be the whole mean


@dataclass(frozen=True)
class RivalComparison:
    """The remedy against one rival: by how much it is better (mean over pairs), interval, Holm's p."""

    rival: str
    difference: float
    interval: Interval | None
    p: float

    @property
    def better(self) -> bool:
        """Whether the interval lies above 0 and p <= .05: made in two ways, both must say so."""
        return self.interval is not None and self.interval.low > 0 and self.p <= ALPHA


@dataclass(frozen=True)
class Proof:
    """The verdict on a remedy, with all it rests on.

    | verdict    | meaning                                                                            |
    |------------|------------------------------------------------------------------------------------|
    | proven     | better than unchanged, placebo and random remedy: `RivalComparison.better` of all three |
    | refuted    | surely not better than unchanged by .01 of skill: that interval ends below (of a   |
    |            | script: by a hundredth of what its unchanged runs reach)                           |
    | undecided  | cannot tell yet; `more_seeds` would probably tell (None: no number of seeds would) |

    `skills` holds held-out skill by arm, in order of seeds; a run that broke off counts as chance. Of a
    script it is the number of that name (`metric`) which it prints, or (`of_loss`) its loss, and `ended`
    says why there are fewer seeds than wanted: "budget" or "interrupted"; `change` is what was changed.
    """

    remedy: str
    verdict: str
    skills: dict[str, list[float]]
    comparisons: tuple[RivalComparison, ...]
    more_seeds: int | None = None
    metric: str = "skill"
    of_loss: bool = False
    ended: str = ""
    change: Change | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "remedy": self.remedy,
            "verdict": self.verdict,
            "more_seeds": self.more_seeds,
            "metric": self.metric,
            "ended": self.ended or None,
            "skills": self.skills,
            "comparisons": [
                {
                    "rival": row.rival,
                    "difference": row.difference,
                    "low": row.interval.low if row.interval is not None else None,
                    "high": row.interval.high if row.interval is not None else None,
                    "p": row.p,
                }
                for row in self.comparisons
            ],
        }


def prove_first(
    run: Run,
    findings: Sequence[Finding],
    seeds: int,
    engine: str = "auto",
    threads: int = 1,
    on_run: Callable[[str, str, int], None] | None = None,
) -> Proof | None:
    """Prove the first remedy of the first finding that has one which changes this run's recipe.

    `on_run(remedy, arm, seed)` is told before each run.
    """
    data = run.session.dataset
    remedies = [name for finding in findings for name in finding.remedies]
    remedy = next((name for name in remedies if REMEDIES[name]().apply(run.recipe, data) is not None), None)
    if remedy is None:
        return None
    told = None if on_run is None else partial(on_run, remedy)
    return prove(run.recipe, remedy, seeds=seeds, dataset=data, engine=engine, threads=threads, on_run=told)


def prove(
    recipe: Recipe,
    remedy: str,
    *,
    seeds: int = 8,
    dataset: Dataset | None = None,
    engine: str = "auto",
    threads: int = 1,
    on_run: Callable[[str, int], None] | None = None,
) -> Proof:
    """Train all arms and compare; `on_run(arm, seed)` is told before each run.

    Raises:
        KoubaiError: the remedy changes nothing here.
    """
    data = dataset if dataset is not None else recipe.data.load(None)
    if REMEDIES[remedy]().apply(recipe, data) is None:
        raise KoubaiError("remedy_changes_nothing", where=remedy)
    skills: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for i in range(seeds):
        for arm, treated in _arms(recipe, remedy, data, recipe.seed + i):
            if on_run is not None:
                on_run(arm, i)
            skills[arm].append(held_skill(treated, data, recipe, engine, threads))
    return conclude_proof(remedy, skills)


def _arms(recipe: Recipe, remedy: str, data: Dataset, seed: int) -> Iterator[tuple[str, Recipe]]:
    plain = replace(recipe, seed=seed)
    yield "unchanged", plain
    treated = REMEDIES[remedy]().apply(plain, data)
    yield "remedy", plain if treated is None else replace(treated, steps=recipe.steps)
    yield "placebo", replace(recipe, seed=seed + OTHER_SEEDS)
    yield "random", random_treatment(plain, remedy, data)


def random_treatment(recipe: Recipe, remedy: str, data: Dataset) -> Recipe:
    """Return the recipe under another remedy of the menu that changes it; which one depends on the seed."""
    menu = [name for name in REMEDIES if name not in (remedy, "more_steps")]
    for i in random.permutation(random.key(recipe.seed, "random remedy", remedy), len(menu)):
        treated = REMEDIES[menu[int(i)]]().apply(recipe, data)
        if treated is not None:
            return replace(treated, steps=recipe.steps)
    return recipe


def held_skill(recipe: Recipe, data: Dataset, original: Recipe, engine: str, threads: int) -> float:
    """Train a recipe and return its skill on held-out samples; chance if it cannot run to its end."""
    known = data if recipe.data == original.data else None
    evaluations = Observation(evaluate_every=max(1, recipe.steps // 20) if recipe.early_stopping else 0)
    chance = chance_of(data_facts(data))
    try:
        with np.errstate(all="ignore"):
            run = train(recipe, dataset=known, engine=engine, threads=threads, observation=evaluations)
            if run.stopped_by == "interrupted":  # half a run says nothing: Ctrl-C ends the proof
                raise KeyboardInterrupt
            judged = run.session.dataset
            part = "test" if len(judged.x_test) else held_part(judged)
            x, t = getattr(judged, f"x_{part}"), getattr(judged, f"t_{part}")
            y = run.session.outputs(x)
            if data.target_units is None:  # a remedy that scales the targets is judged in the same units
                y, t = judged.as_stored(y), judged.as_stored(t)
            reached = skill(y, t, loss_facts(recipe.loss).takes)
    except KoubaiError:  # a random remedy may not fit
        return chance
    return max(reached, chance - _WORST) if isfinite(reached) else chance


def conclude_proof(
    remedy: str, skills: dict[str, list[float]], *, worth: float = _WORTH, lower: bool = False
) -> Proof:
    """Return the verdict from the skills of all arms, or from numbers of which `lower` ones are better.

    An effect that is surely smaller than `worth` is none.
    """
    sign = -1.0 if lower else 1.0
    differences = {
        rival: [sign * (a - b) for a, b in zip(skills["remedy"], skills[rival], strict=True)]
        for rival in RIVALS
    }
    adjusted = holm([sign_flip_p(d, "greater") for d in differences.values()])
    comparisons = tuple(
        RivalComparison(rival, mean(d), mean_interval(d), p)
        for (rival, d), p in zip(differences.items(), adjusted, strict=True)
    )
    first = comparisons[0]
    if all(comparison.better for comparison in comparisons):
        return Proof(remedy, "proven", skills, comparisons)
    if first.interval is not None and first.interval.high < worth:
        return Proof(remedy, "refuted", skills, comparisons)
    pairs = len(skills["remedy"])
    wanted = max(seeds_needed(mean(d), sd(d), family=len(RIVALS)) for d in differences.values())
    hopeless = wanted > _MOST_SEEDS or any(c.difference <= 0 for c in comparisons)
    return Proof(remedy, "undecided", skills, comparisons, None if hopeless else max(1, int(wanted) - pairs))
