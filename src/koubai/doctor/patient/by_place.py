"""By place: answers that are given for each place of a picture, and whether these fit the pictures."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.core.params import Array
from koubai.doctor.patient.run_facts import DataFacts


@dataclass(frozen=True)
class ByPlace:
    """How the places of rare classes are answered in pictures that are marked place by place.

    | field   | meaning                                                                                   |
    |---------|-------------------------------------------------------------------------------------------|
    | counts  | places of each class, in training                                                         |
    | rare    | recall of the classes that are rare                                                       |
    | others  | recall of the others                                                                      |
    | windows | small windows of the pictures with the class of the place in their middle, rare ones more |
    |         | often than they occur: to learn from, and of other pictures to be asked about             |
    | times   | whether these are series, with a class for each time                                      |
    """

    counts: Array
    rare: float
    others: float
    windows: DataFacts
    times: bool = False


@dataclass(frozen=True)
class Turned:
    """Pictures whose targets fit another way round: mirrored, or turned by quarters.

    `share` of the `samples` for which it can be told fit another way clearly better than as they are.
    """

    samples: int
    share: float
