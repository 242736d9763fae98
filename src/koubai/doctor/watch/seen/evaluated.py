"""Evaluated: in which mode the model answers where it is evaluated."""

from __future__ import annotations

from collections import Counter

from torch import nn

from koubai.doctor.watch.program.walk import modules_of
from koubai.doctor.watch.seen.kept_inputs import BatchKey

_ASKED = 2  # times: once for a loss, once for an accuracy; who asks more often wants several answers
_GAP = 20  # updates: loops that turn gradients off in each of them are not listened to each time


class Evaluated:
    """Counts the samples of the latest evaluation whose answers were compared with something.

    | field    | meaning                                                                                 |
    |----------|-----------------------------------------------------------------------------------------|
    | rows     | all of them                                                                             |
    | training | those answered in training mode; 0 where one input is asked for several answers         |
    | test     | those answered in test mode, likewise                                                   |
    | batch    | most in a batch                                                                         |
    | modes    | modules that were in training mode then, by identity                                    |
    """

    def __init__(self) -> None:
        self.rows = self.training = self.test = self.batch = 0
        self.modes: frozenset[int] = frozenset()
        self._step = -1
        self._asked: Counter[BatchKey] = Counter()
        self._again = self._in_training = False
        self._awake = -_GAP

    def wakes(self, step: int) -> bool:
        """Whether to listen now that gradients are off, between updates."""
        if 0 < step - self._awake < _GAP:
            return False
        self._awake = step
        return True

    def begin(self, root: nn.Module, key: BatchKey | None, step: int) -> None:
        """Take in that an evaluation's pass begins, on a batch of that key; None: its inputs are unknown."""
        if step != self._step:
            self._step, self._again, self._asked = step, False, Counter()
            self.rows = self.training = self.test = self.batch = 0
        self._in_training = bool(getattr(root, "training", True)) and key is not None
        if key is not None:
            self._asked[key] += 1
            if self._asked[key] > _ASKED:
                self._again, self.training, self.test = True, 0, 0
        if self._in_training and not self.modes:
            self.modes = frozenset(id(m) for _, m in modules_of(root) if getattr(m, "training", True))

    def compared(self, rows: int) -> None:
        """Take in that the answers of that pass were compared with so many targets."""
        self.rows += rows
        self.batch = max(self.batch, rows)
        self.training += rows if self._in_training and not self._again else 0
        self.test += rows if not (self._in_training or self._again) else 0
