"""Rerun: the watched model run once more on samples that were kept; where it cannot be, what went by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from math import prod
from typing import Any

import torch

from koubai.core.params import Array
from koubai.doctor.patient.checkup import Checkup
from koubai.doctor.patient.run_facts import DataFacts
from koubai.doctor.watch.checkups.examine import (
    Examination,
    device_of,
    examine,
    layer_checks,
    param_checks,
    set_modes,
    undisturbed,
)
from koubai.doctor.watch.passes.close_up import CloseUp
from koubai.doctor.watch.passes.loss_rule import LossRule
from koubai.doctor.watch.program.loose import LooseTensors
from koubai.doctor.watch.program.walk import copy_of, put_back
from koubai.doctor.watch.seen.data import as_targets
from koubai.doctor.watch.seen.kept_samples import Samples
from koubai.doctor.watch.seen.seen import Seen
from koubai.engines.torch.formula import to_array
from koubai.words import say

_CHECKUP_ROWS = 1000
_CHECKUP_ELEMENTS = 50_000_000  # of all outputs together: fewer samples for a large model
_LAYER_ELEMENTS = 8_000_000  # the same, of samples whose layers are measured
_LAYER_ROWS = 64  # of samples, at least; of so many that dead units are told, as many as that takes
_TELLING = 512


def rerun(seen: Seen, samples: Samples | None) -> tuple[Examination | None, Checkup | None]:
    """Examine the present weights and those of the start, if the model and its loss can be run again."""
    if not seen.replayable:
        seen.refused = say("watch.loose" if isinstance(seen.root, LooseTensors) else "watch.arguments")
    if seen.loss.rule is None or samples is None or not seen.replayable:
        return None, went_by(seen, seen.first)
    few = few_of(seen, checkup_rows(seen, len(samples[0])))
    measured = few_of(seen, layer_rows(seen, len(few[0])))
    try:
        now = examine_again(seen, seen.loss.rule, measured, seen.step)
        if len(measured[0]) < len(few[0]):
            now = _with_answers(seen, now, few)
        first = None
        if seen.start is not None and seen.step:
            with loaded(seen.root, seen.start):
                first = examine_again(seen, seen.loss.rule, measured, 0).checkup
    except Exception as error:  # a model may do anything when it is called; what it said is in the scope
        seen.refused = f"{type(error).__name__}: {error}"
        return None, went_by(seen, seen.first)
    return now, first


def few_of(seen: Seen, limit: int) -> Samples:
    """Return at most so many of the samples, where there are any."""
    few = seen.trained.samples(limit)
    assert few is not None
    return few


def examine_again(
    seen: Seen, rule: LossRule, samples: Samples, step: int, *, flow: bool = False
) -> Examination:
    """Examine the model as it is now, on these samples."""
    x, t = samples
    targets = as_targets(t, seen.loss.by_index)
    with _eagerly(seen):
        return examine(
            seen.root,
            rule,
            x,
            t,
            step=step,
            targets=targets,
            modes=seen.modes,
            decays=seen.decays,
            flow=flow,
        )


def checkup_rows(seen: Seen, count: int) -> int:
    """Return how many samples to examine."""
    per_sample = _per_sample(seen)
    fitting = _CHECKUP_ELEMENTS // per_sample if per_sample else 100
    return min(count, _CHECKUP_ROWS, max(16, fitting))


def layer_rows(seen: Seen, count: int) -> int:
    """Return of how many of the samples examined the layers are measured, there and back."""
    fitting = _LAYER_ELEMENTS // max(_per_sample(seen), 1)
    return min(count, max(fitting, _TELLING if count >= _TELLING else _LAYER_ROWS))


def _per_sample(seen: Seen) -> int:
    """Return how many numbers all layers put out for one sample."""
    layers = seen.last.recorder.layers.values() if seen.last else ()
    return sum(prod(layer.out_shape) for layer in layers)


def _with_answers(seen: Seen, now: Examination, samples: Samples) -> Examination:
    """Return an examination with the answers to all these samples."""
    x, t = samples
    targets = as_targets(t, seen.loss.by_index)
    if targets is None:
        return now
    outputs = _answers(seen, x)
    return replace(now, checkup=replace(now.checkup, samples=len(x), outputs=outputs, targets=targets))


def _eagerly(seen: Seen) -> Any:
    """Run compiled models as they are written: what is inside can be seen then."""
    stance = getattr(torch.compiler, "set_stance", None)
    return stance("force_eager") if seen.blind and stance is not None else nullcontext()


@contextmanager
def loaded(model: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Give a model other tensors for a while."""
    present = copy_of(model)
    put_back(model, dict(state))
    try:
        yield
    finally:
        put_back(model, present)


def went_by(seen: Seen, close_up: CloseUp | None) -> Checkup | None:
    """Return a checkup of one of the program's own steps, from what was seen of it.

    The weights are those of now; for the first step those of the start, where they were kept.
    """
    if close_up is None:
        return None
    kept = seen.start if close_up.step == 1 else None
    with nullcontext() if kept is None else loaded(seen.root, kept):
        params = param_checks(seen.root, close_up.raw_gradients, seen.decays)
    return Checkup(
        step=close_up.step - 1,
        samples=close_up.samples,
        loss=close_up.loss,
        layers=layer_checks(close_up.recorder, close_up.factor),
        fading=close_up.recorder.times.fading,
        params=params,
    )


def held_outputs(seen: Seen, data: DataFacts) -> Array | None:
    """Return the outputs for the samples that were evaluated, in test mode; None where that cannot be had."""
    held = seen.held.samples()
    if held is None or data.t_held is None or seen.loss.rule is None:
        return None
    return _answers(seen, held[0])


def _answers(seen: Seen, x: torch.Tensor) -> Array:
    """Return the outputs (N, K) for samples x (N, ...), in test mode."""
    return to_array(outputs_of(seen, x).float()).reshape(len(x), -1)


def outputs_of(seen: Seen, x: torch.Tensor) -> torch.Tensor:
    """Return what the loss takes of the outputs (N, ...) for samples x (N, ...), in test mode."""
    rule, device = seen.loss.rule, device_of(seen.root)
    assert rule is not None
    with undisturbed(seen.root), torch.no_grad(), _eagerly(seen):
        set_modes(seen.root, lambda module: False)
        parts = [rule.pick(seen.root(part.to(device))) for part in x.split(seen.batch_size or 100)]
    return torch.cat(parts)
