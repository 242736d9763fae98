"""Record: what is written down of a watched run, in koubai's own History."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import torch

from koubai.core.tap_record import TapRecord
from koubai.doctor.watch.passes.loss_call import LossCall
from koubai.doctor.watch.passes.trail import Pair
from koubai.doctor.watch.passes.watched_layer import WatchedLayer
from koubai.doctor.watch.seen.answers import rows_of
from koubai.probes.history import History
from koubai.probes.probe import Probe
from koubai.probes.record import Recorder, default_probes

if TYPE_CHECKING:
    from koubai.network.network import Network

_FLUSH = 100  # losses that wait before they are read, so that a GPU is not stopped for each


LossValue: TypeAlias = "float | torch.Tensor"
"""A loss: a number, or a tensor on a device that is not asked for it yet."""


def value_of(loss: torch.Tensor) -> LossValue:
    """Return a loss without its graph; reading a number from another device would make the loop wait."""
    return loss.item() if loss.is_cpu and loss.numel() == 1 else loss.detach()


def _mean(values: list[LossValue]) -> LossValue:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total / len(values)


@dataclass(frozen=True)
class _Paths:
    """What a Recorder asks of a network: its leaf layers and parameters, in forward order."""

    leaves: tuple[WatchedLayer, ...]
    param_specs: dict[str, None]


@dataclass
class Record:
    """The history of a watched run, and what waits to be written to it."""

    history: History = field(default_factory=History)
    _probes: tuple[Probe, ...] = field(default_factory=default_probes)
    _recorder: Recorder | None = None  # of the latest close-ups
    _known: Any = None  # what it knows
    _steps: list[int] = field(default_factory=list)
    _losses: list[LossValue] = field(default_factory=list)
    _evaluated: list[tuple[torch.Tensor | None, Any, int]] = field(default_factory=list)

    def loss(self, step: int, values: list[LossValue], factor: float) -> None:
        """Write down the loss of a step, some time: the mean of values (one a batch), by a factor."""
        value = values[0] if len(values) == 1 else _mean(values)
        self._steps.append(step)
        self._losses.append(value / factor)
        if len(self._steps) >= _FLUSH:
            self.flush()

    def divide(self, factor: float) -> None:
        """Divide the losses that wait by a factor that was not known when they were taken."""
        self._losses = [value / factor for value in self._losses]

    def flush(self) -> None:
        """Write down the losses that wait."""
        numbers = self._losses
        if any(isinstance(value, torch.Tensor) for value in numbers):
            numbers = torch.stack([torch.as_tensor(v).float().reshape(()) for v in numbers]).tolist()
        self.history.add_series("", "loss", self._steps, [float(value) for value in numbers])
        self._steps, self._losses = [], []

    def close_up(self, tap: TapRecord, layers: Iterable[WatchedLayer], params: list[str]) -> None:
        """Write down, when somebody reads it, what all probes measure of one step that was seen closely."""
        paths = _Paths(tuple(layers), dict.fromkeys(params))
        known = tuple((each.path, each.layer) for each in paths.leaves), tuple(params)
        if self._recorder is None or self._known != known:
            # It reads paths and layers only; a watched model has these and no more of a Network.
            self._recorder, self._known = Recorder(cast("Network", paths), self._probes), known
        self.history.write_later(self._recorder, [tap])

    def evaluate(self, call: LossCall) -> None:
        """Take in the loss of one batch in test mode."""
        right = None
        if not call.t.is_floating_point() and call.y.ndim == 2:
            right = (call.y.detach().argmax(1) == call.t).sum()
        self._evaluated.append((call.mean, right, len(call.t)))

    def answered(self, pair: Pair) -> None:
        """Take in the answers to one batch in test mode, where no loss was taken of them."""
        found = rows_of(pair)
        if found is not None and found[1].dtype.kind == "i" and len(found[1]):
            y, t = found
            right = (y.argmax(1) if y.shape[1] > 1 else y[:, 0] > 0) == t
            self._evaluated.append((None, int(right.sum()), len(t)))

    def end_evaluation(self, step: int) -> None:
        """Write down the means over the batches since the last training step."""
        batches, self._evaluated = self._evaluated, []
        count = sum(n for _, _, n in batches)
        if not count:
            return
        judged = [(float(loss), n) for loss, _, n in batches if loss is not None]
        if judged:
            mean = sum(loss * n for loss, n in judged) / sum(n for _, n in judged)
            self.history.add(step, "", "val_loss", mean)
        rights: list[Any] = [right for _, right, _ in batches if right is not None]
        if len(rights) == len(batches):
            self.history.add(step, "", "val_accuracy", sum(map(int, rights)) / count)
