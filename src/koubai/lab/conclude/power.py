"""Power: what so many seeds can decide at all, whatever comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, log2

from koubai.lab.conclude.result import Sentence
from koubai.lab.conclude.verdicts import ALPHA
from koubai.lab.declare.experiment import Experiment
from koubai.lab.declare.measures import is_exact


@dataclass(frozen=True)
class Family:
    """Tests that are adjusted together: their number, the pairs of each, and how many tails count.

    >>> Family("others", tests=8, pairs=6, tails=2).least
    0.25
    """

    name: str
    tests: int
    pairs: int
    tails: int

    @property
    def least(self) -> float:
        """The smallest p that any of them can have: all pairs agree, and Holm multiplies by all tests."""
        return min(1.0, self.tests * self.tails * 2.0**-self.pairs)

    @property
    def decides(self) -> bool:
        """Whether any of them could be significant."""
        return self.least <= ALPHA

    @property
    def fewest(self) -> int:
        """The fewest pairs with which one could be."""
        return ceil(log2(self.tests * self.tails / ALPHA))


def families(experiment: Experiment) -> list[Family]:
    """Return the families of an experiment that are tested: its claims, and the arms without a claim."""
    seeds, measure, baseline = len(experiment.seeds), experiment.measure, experiment.reference.name
    claims = [claim for claim in experiment.claims if not is_exact(claim.measure)]
    claimed = {frozenset((claim.arm, claim.over)) for claim in claims if claim.measure == measure}
    others = sum(
        arm.name != baseline and frozenset((arm.name, baseline)) not in claimed for arm in experiment.arms
    )
    found = [Family("claims", len(claims), seeds, 1)]
    if not is_exact(measure):
        found.append(Family("others", others, seeds, 2))
    return [family for family in found if family.tests]


def warnings_of(experiment: Experiment) -> Iterator[Sentence]:
    """Say of every family that cannot decide anything that it cannot, and how many seeds could."""
    for family in families(experiment):
        if not family.decides:
            yield Sentence(
                f"lab.cli.check.{family.name}",
                {
                    "tests": family.tests,
                    "seeds": family.pairs,
                    "least": f"{family.least:.2g}",
                    "alpha": f"{ALPHA:g}",
                    "fewest": family.fewest,
                },
            )
