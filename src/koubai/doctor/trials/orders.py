"""What is asked of a trial and what comes back, as plain values: lines of JSON over a pipe, or a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from koubai.doctor.patient.clinic import Change
from koubai.doctor.patient.origin import Origin


@dataclass(frozen=True)
class TrialOrder:
    """One trial.

    | field    | meaning                                                           |
    |----------|-------------------------------------------------------------------|
    | number   | by which the answer is known                                      |
    | change   | what is changed                                                   |
    | steps    | updates of the main optimizer to make                             |
    | main     | its number, in the order in which optimizers first make an update |
    | cpu      | CPU seconds after which the trial is ended                        |
    | seed     | that of a program that is run again (`seeds.fix_seeds`)           |
    | whole    | whether the program goes on to its end, whatever its losses are   |
    """

    number: int
    change: Change
    steps: int
    main: int = 0
    cpu: float = 3600.0
    seed: int = 0
    whole: bool = False

    def line(self) -> bytes:
        """As a line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of(cls, line: bytes | str) -> TrialOrder:
        """Read a line."""
        values = json.loads(line)
        return cls(**{**values, "change": Change(**values["change"])})


@dataclass(frozen=True)
class Answer:
    """What came of a trial.

    `losses` are those of the main optimizer's updates; `ended` says why the trial ended before its steps were
    made ("" : it did not), `made` how often the change took hold. Of a whole run `printed` are
    the last lines that it printed, and `speaks` says whether a lower loss means that it does better.
    """

    number: int
    losses: list[float] = field(default_factory=list)
    made: int = 0
    cpu: float = 0.0
    ended: str = ""
    origin: Origin | None = None
    printed: str = ""
    speaks: bool = True

    def line(self) -> bytes:
        """As a line of JSON (with NaN, which Python's own reader takes)."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of(cls, line: bytes | str) -> Answer:
        """Read a line."""
        values: dict[str, Any] = json.loads(line)
        origin = values.pop("origin")
        return cls(**values, origin=None if origin is None else Origin(**origin))
