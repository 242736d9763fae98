"""Spread: how much what a network puts out differs from sample to sample, at one look."""

from __future__ import annotations

from dataclasses import dataclass

LATE = 0.4  # of the run: looks are at least as near as 1.5 times the step before, so two lie behind it


@dataclass(frozen=True)
class Spread:
    """What one step's outputs have in common.

    | field      | meaning                                                                                |
    |------------|----------------------------------------------------------------------------------------|
    | step       | the update                                                                             |
    | inputs     | deviation of the inputs over the samples / their size                                  |
    | outputs    | the same of the outputs: of the tensor in which they differ most                       |
    | apart      | deviation of those outputs, in their own units                                         |
    | directions | how far outputs point in other directions: 0 in one, 1 in all (the most of any tensor) |
    | views      | outputs of one shape in one call                                                       |
    | calls      | calls in that step                                                                     |
    | width      | numbers of a sample in the narrowest output                                            |
    """

    step: int
    inputs: float
    outputs: float
    apart: float
    directions: float
    views: int
    calls: int
    width: int


def late(spreads: tuple[Spread, ...], steps: int) -> tuple[Spread, ...]:
    """Return those of the end of a run."""
    return tuple(spread for spread in spreads if spread.step >= LATE * steps)
