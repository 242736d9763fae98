"""Evaluation listener: hears what an evaluation begins with, and listens closely then."""

from __future__ import annotations

from koubai.doctor.watch.hooks.listener import Listener
from koubai.doctor.watch.hooks.wires import Wires
from koubai.doctor.watch.observe.between import Between
from koubai.doctor.watch.observe.loaders import Loaders
from koubai.doctor.watch.observe.shutter import Shutter
from koubai.doctor.watch.observe.step_losses import StepLosses
from koubai.doctor.watch.seen.seen import Seen


class EvaluationListener(Listener):
    """What a listener to a model does where that is in test mode, gradients are off, or an epoch is over."""

    seen: Seen
    losses: StepLosses
    aside: bool
    _wires: Wires
    _shutter: Shutter
    _between: Between
    _loaders: Loaders

    def after_mode(self) -> None:
        """Listen to the forward passes of an evaluation."""
        if not self.aside and not self.seen.blind and not getattr(self.seen.root, "training", True):
            self._between.end()
            self._wires.listen_closely()

    def gradients_off(self) -> None:
        """Listen to what may be an evaluation in training mode, unless a step is under way."""
        in_step = self.losses.roots or self._between.in_step or self._shutter.looking
        if not (self.aside or self.seen.blind or in_step) and self.seen.evaluated.wakes(self.seen.step):
            self._between.end()
            self._wires.listen_closely()

    def loader_begins(self, loader: int, turn: int, stacked: int) -> None:
        """Listen to what may be an evaluation in training mode that keeps its graph."""
        self._between.end()
        self.seen.stacked.add(stacked)
        self._loaders.begins(loader, turn)
        if self._loaders.evaluates:
            self.gradients_off()

    def loader_ends(self, turn: int) -> None:
        """Likewise."""
        self._between.end()
        self._loaders.ends(turn)
        if self._loaders.evaluates:
            self.gradients_off()
