"""Held modes: samples of an evaluation that was made in training mode, answered again in both modes.

In test mode functions may still take units away: `F.dropout` does so unless it is told the mode.
"""

from __future__ import annotations

from math import nan
from statistics import fmean

import torch

from koubai.doctor.patient.held_modes import HeldModes
from koubai.doctor.patient.skill import skill
from koubai.doctor.watch.checkups.examine import device_of, set_modes, undisturbed
from koubai.doctor.watch.checkups.rerun import checkup_rows
from koubai.doctor.watch.passes.function_mode import FunctionMode, undropped
from koubai.doctor.watch.seen.data import as_targets
from koubai.doctor.watch.seen.kept_samples import Samples
from koubai.doctor.watch.seen.seen import Seen

_FEWEST = 32  # samples
_ROWS = 1000
_TIMES = 3  # that they are answered in training mode, since dropout is drawn each time
_SEEN = 0.5  # of the samples: they are those of training


def held_modes(seen: Seen) -> HeldModes | None:
    """Return what the mode costs; None where the last evaluation was made in test mode, and nothing drawn."""
    asked = seen.evaluated
    trains = asked.training >= _FEWEST and 2 * asked.training > asked.rows
    draws = asked.test >= _FEWEST and 2 * asked.test > asked.rows and _calls_dropout(seen)
    if not (trains or draws):
        return None
    held = seen.held.samples(max(_FEWEST, checkup_rows(seen, _ROWS)))
    known = seen.loss.rule is not None and seen.replayable and not seen.blind
    if not known or held is None or len(held[0]) < _FEWEST:
        return None
    if _trained_on(seen.trained.samples(), held[0]) > _SEEN:
        return None
    return _in_both(seen, held, min(asked.batch, len(held[0])), functions=draws)


def _calls_dropout(seen: Seen) -> bool:
    """Whether dropout was met as a function in the last look: that of a module knows its mode."""
    layers = () if seen.last is None else seen.last.recorder.layers.values()
    modules = set(seen.names.modules.values())
    return any(layer.kind == "dropout" and layer.path not in modules for layer in layers)


def _in_both(seen: Seen, held: Samples, batch: int, *, functions: bool) -> HeldModes:
    rule, device, (x, t) = seen.loss.rule, device_of(seen.root), held
    assert rule is not None
    targets = as_targets(t, seen.loss.by_index)
    takes = "values" if rule.kind is None else rule.kind.facts.takes

    def measured() -> tuple[float, float]:
        parts = [seen.root(part.to(device)) for part in x.split(batch)]
        losses = [float(rule(y, of.to(device))) for y, of in zip(parts, t.split(batch), strict=True)]
        y = torch.cat([rule.pick(part) for part in parts]).float().cpu().reshape(len(x), -1).numpy()
        return fmean(losses), nan if targets is None else skill(y, targets, takes)

    with undisturbed(seen.root), torch.no_grad():
        set_modes(seen.root, lambda module: False)
        with FunctionMode(undropped):
            loss, reached = measured()
        set_modes(seen.root, lambda module: not functions and id(module) in seen.evaluated.modes)
        again = [measured() for _ in range(_TIMES)]
    classes = targets is not None and targets.dtype.kind == "i"
    means = (fmean(each) for each in zip(*again, strict=True))
    return HeldModes(len(x), classes, loss, next(means), reached, next(means), functions)


def _trained_on(trained: Samples | None, x: torch.Tensor) -> float:
    """Return the share of inputs that were trained on, bit for bit."""
    if trained is None:
        return 0.0
    known = {row.numpy().tobytes() for row in trained[0].contiguous()}
    return fmean(row.numpy().tobytes() in known for row in x.contiguous())
