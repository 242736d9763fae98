"""A term of the loss that was never learned, and that hardly pulls on what it shares with the others."""

from __future__ import annotations

from dataclasses import dataclass

WEAK = 0.01  # of all forces: a term with less hardly counts


@dataclass(frozen=True)
class WeakTerm:
    """What is known of it.

    | field   | meaning                                                                                   |
    |---------|-------------------------------------------------------------------------------------------|
    | number  | its place among the terms, from 0                                                         |
    | terms   | how many there are                                                                        |
    | kind    | what it compares: values, classes, labels                                                 |
    | share   | of its gradient in those of all terms, where they meet: the most that was seen            |
    | error   | at the end, without its weight: mean square of values, cross-entropy of classes and labels |
    | against | the error of knowing nothing; where that is not known, its error at the start             |
    | known   | which of these two it is                                                                  |
    | flat    | whether its gradient was exactly 0 at every look                                           |
    """

    number: int
    terms: int
    kind: str
    share: float
    error: float
    against: float
    known: bool
    flat: bool
