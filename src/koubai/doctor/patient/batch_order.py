"""Batch order: how the classes of batches follow one another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BatchOrder:
    """What the labels of batches in a row tell of their order.

    | field    | meaning                                                                       |
    |----------|-------------------------------------------------------------------------------|
    | batches  | how many there are                                                            |
    | mixed    | mean entropy of the labels of a batch / that of all labels                    |
    | changes  | batches whose most frequent class was not that of the one before              |
    | expected | how many there would be if the same batches came in any order                 |
    """

    batches: int
    mixed: float
    changes: int
    expected: float
