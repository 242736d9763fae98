"""How a change is made to a running program, and what it may need of it; `catalog.py` has them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import nn

from koubai.doctor.patient.clinic import Change
from koubai.doctor.patient.origin import Origin
from koubai.doctor.trials.meter import Meter


@dataclass
class Site:
    """The program under a change.

    | field   | meaning                                                                            |
    |---------|------------------------------------------------------------------------------------|
    | models  | the models known when the change is made                                           |
    | running | the one of them whose forward pass has begun, where the change is made inside it   |
    | made    | how often the change took hold; 0 at the end: nothing was changed, no trial        |
    | meter   | the program's losses and updates                                                   |
    | origin  | what a trace has found                                                             |
    | on_end  | called where the program ends before the trial does                                |
    """

    models: list[nn.Module] = field(default_factory=list)
    running: nn.Module | None = None
    made: int = 0
    meter: Meter | None = None
    origin: Origin | None = None
    on_end: Callable[[], None] | None = None

    def note(self) -> None:
        """Count one time that the change took hold."""
        self.made += 1


ChangeMaker: TypeAlias = Callable[[Site, Change], Iterator[None]]
CHANGES: dict[str, ChangeMaker] = {}

FROM_THE_START = ("init_scale", "init_suitable", "init_embeddings", "init_new")
"""Changes that make sense only before the first update."""


def change(name: str) -> Callable[[ChangeMaker], ChangeMaker]:
    """Enter a generator function into the table: it makes the change, yields, and takes it back."""

    def enter(maker: ChangeMaker) -> ChangeMaker:
        CHANGES[name] = maker
        return maker

    return enter
