"""One update as work of the device alone: nothing in it waits for a number, and nothing is sent.

What changes from step to step comes as one row of each of the source's tables and as numbers (dropout's keys,
the rates), which are arguments of kernels, or lie in a table too (see `graph`).
"""

from __future__ import annotations

import torch

from koubai.engines.engine import Job, Observation
from koubai.engines.torch.arrays import NumberMaker, as_it_is
from koubai.engines.torch.flat import Flat
from koubai.engines.torch.losses import has_function, loss_and_gradient
from koubai.engines.torch.module import CellModule, Sums
from koubai.engines.torch.rule import Rule
from koubai.engines.torch.scale import LossScale
from koubai.engines.torch.source import BatchSource
from koubai.engines.torch.sums import pending_magnitudes, pending_squares
from koubai.engines.torch.wide import wide

_HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class TrainingStep:
    """The update of a job on its module."""

    def __init__(self, job: Job, module: CellModule, flat: Flat, source: BatchSource) -> None:
        self.job, self.module, self.flat, self.source = job, module, flat, source
        self.rule = Rule(job, flat)
        self.moment = module.moment
        self.scale = None if flat.scale is None else LossScale(flat, flat.scale)

    @property
    def on_host(self) -> str:
        """What of it runs by its formula in the host's memory; "" if nothing does."""
        return ", ".join([*self._formulas, *(["a layer"] if self.moment.on_host else [])])

    @property
    def _formulas(self) -> list[str]:
        parts = [] if has_function(self.job.loss) else [self.job.loss]
        return [type(part).__name__ for part in [*parts, *self.rule.on_host]]

    def listing(self) -> list[str]:
        """Return a line for each part beside the layers that runs by its formula."""
        return [f"reference formula (NumPy): {name}" for name in self._formulas]

    def __call__(self, row: list[torch.Tensor], numbers: NumberMaker = as_it_is) -> torch.Tensor:
        """Make update `moment.step`; return the loss of the data ()."""
        loss = self._gradients(row, numbers)
        self.rule.pull(numbers)
        self.rule.clip()
        self._change(numbers)
        return loss

    def tapped(self, row: list[torch.Tensor], observation: Observation) -> tuple[torch.Tensor, Sums]:
        """Make the same update; return the loss, and the sums that were taken, on the device still."""
        flat, moment, sums = self.flat, self.moment, Sums()
        moment.sums, moment.units = sums, observation.units
        if self.scale is not None:
            moment.scale = self.scale.numbers[0]
        try:
            loss = self._gradients(row, as_it_is)
        finally:
            moment.sums = moment.scale = None
        for untapped in self.job.network.untapped:
            sums.pop(untapped, None)
        inside = set(sums)
        self.rule.pull()
        for path, g in flat.of(flat.grads).items():
            sums[path, "weight_gradient"] = pending_magnitudes(g)
        self.rule.clip()
        before = flat.params.clone()
        scale = None if self.scale is None else self.scale.numbers.clone()
        self._change(as_it_is)
        change = flat.params - before
        for path, window in flat.windows.items():
            sums[path, "weight"] = pending_squares(window.of(before))
            sums[path, "update"] = pending_squares(window.of(change))
        sums.of_rows = inside
        if self.scale is not None and scale is not None:
            sums.scaling = torch.stack([scale[0], self.scale.numbers[2], self.scale.finite])
        return loss, sums

    def _change(self, numbers: NumberMaker) -> None:
        """Change parameters and slots; with a scaled loss, only where all gradients are finite."""
        if self.scale is None:
            self.rule.change(self.moment.step, numbers)
        else:
            self.scale.change(lambda: self.rule.change(self.moment.step, numbers))

    def _gradients(self, row: list[torch.Tensor], numbers: NumberMaker) -> torch.Tensor:
        """Leave the gradient of the data loss in the flat one, over all ranks; return the loss."""
        job, flat, moment = self.job, self.flat, self.moment
        moment.numbers = numbers
        moment.drawn.clear()
        flat.grads.zero_()
        x, t = self.source.batch(row)
        # A leaf on which no parameter acts has a gradient too, but PyTorch computes it only if asked to.
        y = self.forward(x.requires_grad_(moment.sums is not None))
        loss, dy = loss_and_gradient(job.loss, y, t)
        alone = job.ranks.size == 1
        share = 1 if alone else len(t) / job.batch_size  # of the mean over the batch
        dy = (dy if alone else dy * share).to(y.dtype)
        y.backward(dy if self.scale is None else self.scale.of(dy))
        if not alone:
            flat.grads[-1].copy_(loss * share)
            job.ranks.add(flat.grads)
            loss = flat.grads[-1].to(wide(flat.grads))
        if self.scale is not None:
            self.scale.undo()
        return loss

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, of the job's type."""
        half = _HALF.get(self.job.precision)
        if half is None:
            plain: torch.Tensor = self.module(x)
            return plain
        # The cache of cast weights would outlive a captured graph's first replay.
        with torch.autocast(x.device.type, half, cache_enabled=False):
            y: torch.Tensor = self.module(x)
        return y.float()
