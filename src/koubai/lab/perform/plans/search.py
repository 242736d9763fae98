"""Search: several recipes trained, one chosen on the validation part, that one scored on the test part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, log
from typing import Any

import numpy as np

from koubai.core import random
from koubai.core.errors import ConfigError, Problem
from koubai.data.dataset import DataSource
from koubai.lab.perform.outcome import Context, Outcome
from koubai.lab.perform.plans.plan import LabPlan, shifted
from koubai.lab.perform.run_result import Exhibit
from koubai.lab.perform.training import run_recipe
from koubai.train.plain import suggestion
from koubai.train.recipe import Recipe
from koubai.words.phrase import phrase

METHODS = ("none", "grid", "random")


@dataclass(frozen=True)
class Range:
    """A number of the recipe, between `low` and `high` on a logarithmic scale."""

    path: str
    low: float
    high: float

    def at(self, share: float) -> float:
        """Return the number at a share of the way from low to high."""
        return exp(log(self.low) + share * (log(self.high) - log(self.low)))


@dataclass(frozen=True, kw_only=True)
class Search(LabPlan):
    """`trials` recipes from `space`; 'grid' takes the middles of equal cells, 'random' draws by the seed.

    'none' trains the recipe as it is. The test part plays no role in the choice.
    """

    registry_name = "search"
    recipe: Recipe
    space: tuple[Range, ...]
    trials: int = 9
    method: str = "random"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            hint = suggestion(self.method, list(METHODS))
            raise ConfigError("search", [Problem("method", phrase("no_method", name=self.method), hint=hint)])

    @property
    def data(self) -> DataSource:
        """What is trained on."""
        return self.recipe.data

    def candidates(self) -> list[dict[str, Any]]:
        """Return the edits of every trial."""
        if self.method == "none":
            return [{}]
        if self.method == "random":
            shares = random.generator(self.seed, "search").uniform(size=(self.trials, len(self.space)))
        else:
            side = round(self.trials ** (1 / len(self.space)))
            middles = (np.arange(side) + 0.5) / side
            shares = np.stack(np.meshgrid(*[middles] * len(self.space)), axis=-1).reshape(-1, len(self.space))
        return [
            {part.path: part.at(float(share)) for part, share in zip(self.space, row, strict=True)}
            for row in shares
        ]

    def recipes(self) -> list[Recipe]:
        """The candidates."""
        return [self.recipe.edit(**edits).edit(seed=self.seed) for edits in self.candidates()]

    def perform(self, context: Context) -> Outcome:
        """Train every candidate and return the outcome of the one with the best validation accuracy."""
        candidates = self.candidates()
        total = len(candidates) * self.recipe.steps
        best: Outcome | None = None
        rows = []
        for i, (edits, recipe) in enumerate(zip(candidates, self.recipes(), strict=True)):
            report = shifted(context.report, i * self.recipe.steps, total)
            inner = replace(context, exhibits=False, report=report)
            outcome = run_recipe(recipe, inner)
            rows.append((*edits.values(), outcome.scores["val_accuracy"]))
            if best is None or outcome.scores["val_accuracy"] > best.scores["val_accuracy"]:
                best = outcome
        assert best is not None  # there is at least one candidate
        paths = tuple(part.path for part in self.space) if self.method != "none" else ()
        table = Exhibit("table", "trials", {"values": np.array(rows)}, columns=(*paths, "val_accuracy"))
        return replace(best, exhibits=(table,) if context.exhibits else ())
