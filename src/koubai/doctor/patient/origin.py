"""Origin: the first operation of a program whose value or gradient was not finite."""

from __future__ import annotations

from dataclasses import dataclass

from koubai.doctor.patient.place import Place

_ORDINARY = 1e6  # numbers above it are what is left of a run that had broken off before


@dataclass(frozen=True)
class Origin:
    """What was seen when the program's own steps were repeated, and each operation was looked at.

    | field     | meaning                                                                              |
    |-----------|--------------------------------------------------------------------------------------|
    | part      | "value", or "gradient" where the value is finite, or "input": it was given such numbers |
    | operation | its name in PyTorch                                                                  |
    | low, high | least and greatest of the finite numbers it took (of the divisor, where it divides)  |
    | precision | of its result, such as float32                                                       |
    | step      | the update under way, from 1                                                         |
    | file, line | of the program; empty and 0 where that is not known                                 |
    """

    part: str
    operation: str
    low: float
    high: float
    precision: str
    step: int
    file: str = ""
    line: int = 0

    @property
    def ordinary(self) -> bool:
        """Whether what it took was of a usual size: then the operation is to blame, not what led there."""
        return max(abs(self.low), abs(self.high)) < _ORDINARY

    @property
    def place(self) -> Place | None:
        """The line of the program."""
        return Place(self.file, self.line, "operation") if self.file else None
