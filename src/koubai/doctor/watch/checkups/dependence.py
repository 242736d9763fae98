"""Dependence: what an answer depends on, asked of the model itself in test mode."""

from __future__ import annotations

from math import nan
from typing import Any

import torch
from torch import nn

from koubai.doctor.watch.checkups.examine import device_of, set_modes, undisturbed
from koubai.doctor.watch.program.walk import modules_of
from koubai.doctor.watch.seen.seen import Seen

_ROWS = 32
_SEQUENTIAL = (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention, nn.TransformerEncoderLayer)


def change_by_mates(seen: Seen, samples: tuple[torch.Tensor, torch.Tensor] | None) -> float:
    """Return how much answers change with the samples beside them, in units of how much they differ at all.

    NaN where that cannot be asked: the model cannot be run again, or answers otherwise by itself, or rows of
    its input may belong together: all of them make one batch (a graph), or they are steps of one sequence.
    """
    if samples is None or seen.loss.rule is None or not seen.replayable or seen.need_not_fall is not None:
        return nan
    x, t = samples
    batch = seen.batch_size or len(x)
    one_each = t.ndim == 1 or t.numel() == len(t)
    if not one_each or len(x) < 2 * batch or batch < 4 or x.ndim < 2:
        return nan
    if x.ndim == 2 and x.is_floating_point() and _reads_sequences(seen.root):
        return nan
    half = min(_ROWS, batch) // 2
    kept, beside, others = x[:half], x[half : 2 * half], x[batch : batch + half]
    # Others stand before: a recurrent layer that takes the batch for time tells later rows of earlier ones.
    answers = [
        _answers(seen, torch.cat(parts))[half:] for parts in ((beside, kept), (beside, kept), (others, kept))
    ]
    first, again, changed = answers
    if first.ndim > 1 and first.shape[-1] == 2 * half:  # rows compared with rows, as contrastive models do
        return nan
    spread = float((first - first.mean(0)).abs().max())
    if not spread > 0 or not bool(torch.isfinite(torch.cat(answers)).all()) or not torch.equal(first, again):
        return nan
    return float((changed - first).abs().max()) / spread


def _answers(seen: Seen, x: torch.Tensor) -> torch.Tensor:
    """Return what the model answers in test mode; no trace is left in it."""
    assert seen.loss.rule is not None
    with undisturbed(seen.root), torch.no_grad():
        set_modes(seen.root, lambda module: False)
        y: Any = seen.loss.rule.pick(seen.root(x.to(device_of(seen.root))))
    return torch.as_tensor(y).detach().cpu().double()


def _reads_sequences(root: nn.Module) -> bool:
    return any(isinstance(module, _SEQUENTIAL) for _, module in modules_of(root))
