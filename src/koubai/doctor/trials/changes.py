"""The changes a trial can make to a running program, from outside: one table.

| name                | value    | what is changed                                            |
|---------------------|----------|------------------------------------------------------------|
| nothing             |          | nothing: what every other trial is compared with           |
| learning_rate       | factor   | the rate of every step times a factor, whatever wrote it   |
| no_schedule         |          | the rate is the one the schedule began with                |
| warm_up             | steps    | the rate rises from 0 over so many steps                   |
| adam, sgd           | rate     | another optimizer makes the updates                        |
| clip                | norm     | gradients longer than that are shortened to it             |
| no_clip             |          | PyTorch's clipping functions do nothing                    |
| reset_gradients     |          | gradients are 0 after every step                           |
| no_decay            |          | the optimizers' weight decay is 0                          |
| train_mode          |          | what is called with gradients is in training mode          |
| no_dropout          |          | dropout drops nothing                                      |
| init_scale          | factor   | weights of matrices and filters are scaled, once           |
| init_suitable       |          | they get the size of He et al. 2015, once                  |
| init_new            |          | all parameters are drawn anew, once                        |
| residual_scale      | factor   | what repeated blocks add to their input is scaled          |
| double              |          | models compute in float64                                  |
| standardize_inputs  |          | inputs get mean 0 and deviation 1 by feature               |
| zero_inputs         |          | inputs are 0                                               |
| permute_inputs      |          | inputs change places in the batch                          |
| shuffle_labels      |          | targets change places in the batch                         |
| one_batch           |          | the first batch is trained on again and again              |
| trace               | update   | nothing; every operation is looked at from there on        |

Rates and settings of optimizers are in `steps.py`, models in `models.py`, inputs and targets in `batches.py`,
tracing in `origin.py`.
Not here, for no program lets itself be changed so from outside: more layers, other layers, more steps than
its loop makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from torch import nn

from koubai.doctor.patient.clinic import Change
from koubai.doctor.patient.origin import Origin
from koubai.doctor.patient.tried_remedies import REMEDIES
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


Maker: TypeAlias = Callable[[Site, Change], Iterator[None]]
CHANGES: dict[str, Maker] = {}

FROM_THE_START = ("init_scale", "init_suitable", "init_new")
"""Changes that make sense only before the first update."""


def change(name: str) -> Callable[[Maker], Maker]:
    """Enter a generator function into the table: it makes the change, yields, and takes it back."""

    def enter(maker: Maker) -> Maker:
        CHANGES[name] = maker
        return maker

    return enter


def translated(wanted: Change) -> Change | None:
    """Return the change in the table's terms; None if there is no way to make it here."""
    if wanted.name == "remedy":
        return REMEDIES.get(wanted.path)
    return wanted if wanted.name in known() else None


def known() -> dict[str, Maker]:
    """Return the whole table."""
    from koubai.doctor.trials import batches, models, origin, steps

    for module in (batches, models, origin, steps):  # imported so that they enter their changes
        assert module
    return CHANGES


@contextmanager
def made(wanted: Change, site: Site) -> Iterator[None]:
    """Make a change while the context is open."""
    with contextmanager(known()[wanted.name])(site, wanted):
        yield
