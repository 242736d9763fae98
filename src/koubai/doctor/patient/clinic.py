"""Clinic: where interventions are tried. Ours forks a session; the PyTorch watcher may offer another.

A trial answers one question: with this one change and everything else equal (weights, optimizer state,
order of samples), does the run make progress?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from koubai.core.params import Array


@dataclass(frozen=True)
class Change:
    """One change to a run, by name; `value` is its number where it has one, `path` its layer.

    | name           | value  | what is changed                                                     |
    |----------------|--------|---------------------------------------------------------------------|
    | nothing        |        | the run as it is (to compare with, or to continue)                  |
    | learning_rate  | factor | the learning rate times a factor                                    |
    | one_batch      | rows   | the same few samples in every step                                  |
    | zero_inputs    |        | every input is 0                                                    |
    | shuffle_labels |        | targets permuted among the samples                                  |
    | remedy         |        | the remedy of that registry name (in `path`), from the first step   |

    On PyTorch programs there are more: `koubai.doctor.trials.changes`. A clinic that cannot make a change
    returns None for it.
    """

    name: str
    value: float | None = None
    path: str = ""

    def __str__(self) -> str:
        number = (
            ""
            if self.value is None
            else f" x {self.value:g}"
            if self.name == "learning_rate"
            else f" {self.value:g}"
        )
        place = f" {self.path}" if self.path else ""
        return f"{self.name}{place}{number}"


@dataclass(frozen=True)
class Trial:
    """What came of a change: the losses of its batches, and the skill at its end (see `patient/skill.py`).

    `held_skill` and `held_loss` are those of the validation part, else of the test part, else NaN. `way` says
    how it was made: "twin" (a session of koubai's own) or "fork" (of the program's process). `beside` is
    the unchanged run over the same updates, where that is not the whole run; `run` then holds the losses of
    the whole run, in the same units.
    """

    change: Change
    start: int
    losses: Array = field(repr=False)
    train_skill: float = float("nan")
    held_skill: float = float("nan")
    held_loss: float = float("nan")
    way: str = "twin"
    beside: Trial | None = field(default=None, repr=False)
    run: Array | None = field(default=None, repr=False)

    @property
    def finite(self) -> bool:
        """Whether no loss was NaN or infinite."""
        return bool(len(self.losses)) and bool(np.isfinite(self.losses).all())


class Clinic(Protocol):
    """Tries changes; every trial costs steps, and the budget is counted in them."""

    @property
    def way(self) -> str:
        """How trials are made here, as `Trial.way` says it."""
        ...

    @property
    def works(self) -> bool:
        """Whether trials can be made: where that has to be tried first, it is."""
        ...

    @property
    def left(self) -> int:
        """How many more steps of training may be spent."""
        ...

    def trial(self, change: Change, *, start: int, steps: int, seed: int | None = None) -> Trial | None:
        """Fork at update `start` (0 = the initial weights), train `steps` under `change`, and tell.

        A clinic whose steps are dear trains fewer, and says what the unchanged run does in as many
        (`beside`).

        Equal questions are answered from memory. None: this change cannot be made here, or the budget is
        spent. `seed` asks for another seed than the run's (initial weights, order), only from start 0.
        """
        ...

    def gradient_errors(self) -> dict[str, float] | None:
        """Relative error of every parameter's gradient against central differences; None: cannot be told."""
        ...


class ProgramClinic(Clinic, Protocol):
    """A clinic of a program that nobody translated: `way` is not "twin"."""

    def screen(self, changes: Sequence[Change]) -> dict[Change, Trial | None]:
        """Try changes from the initial weights over few updates."""
        ...
