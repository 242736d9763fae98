"""The chart: everything a watch knows, as the Patient that diagnoses read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from math import nan, prod
from typing import Any

import numpy as np
import torch

from koubai.core.params import Array
from koubai.doctor.patient.checkup import Checkup
from koubai.doctor.patient.clinic import Clinic
from koubai.doctor.patient.origin import Origin
from koubai.doctor.patient.patient import DataFacts, LayerFacts, LossFacts, Patient
from koubai.doctor.patient.place import Place
from koubai.doctor.watch.dependence import change_by_mates
from koubai.doctor.watch.examine import (
    Examination,
    device_of,
    examine,
    layer_checks,
    param_checks,
    set_modes,
    undisturbed,
)
from koubai.doctor.watch.floor import floor_of
from koubai.doctor.watch.future import change_by_future
from koubai.doctor.watch.kinds import LOSSES, optimizer_facts
from koubai.doctor.watch.look import Look
from koubai.doctor.watch.loss_rule import LossRule
from koubai.doctor.watch.memory import as_targets, data_facts, flat
from koubai.doctor.watch.models import hands_over
from koubai.doctor.watch.places import births
from koubai.doctor.watch.seen import Seen
from koubai.doctor.watch.sight import Part
from koubai.doctor.watch.twin import Subject, twin_clinic
from koubai.doctor.watch.walk import copy_of, modules_of, parameters_of, put_back
from koubai.engines.torch.formula import to_array
from koubai.words import say

_CHECKUP_ROWS = 1000
_CHECKUP_ELEMENTS = 50_000_000  # of all outputs together: fewer samples for a large model
_TWIN_ROWS = 64
_LATE = 0.6  # of the run: what was answered before tells nothing of its end
_NOT_FINITE = re.compile(r"\b(nan|inf|infinite|infinity|finite|diverge[ds]?)\b", re.IGNORECASE)
_BY_INDEX = ("softmax_cross_entropy", "nll_loss")


def make_patient(watch: Seen) -> Patient:
    """Return the patient of a watch; where the model cannot be run again, from what went by."""
    samples = watch.memory.samples()
    now, first = _examinations(watch, samples)
    if now is None:
        first = _answered(first, watch.answers.first, watch)
    last = now.checkup if now else _answered(_passive(watch, watch.last_look), _recent(watch), watch)
    checkups = [look for look in (first, last) if look]
    sight = now.sight if now else watch.last_look.sight if watch.last_look else None
    outputs = checkups[-1].outputs if checkups else None
    data = _data(watch, samples, 1 if outputs is None else outputs.shape[1])
    held_outputs = _held_outputs(watch, data) if now else None
    if held_outputs is None:
        data, held_outputs = _held_answers(watch, data)
    if outputs is not None and data.classes is None and data.t is None:
        data = _counted(data, checkups[-1])
    if not watch.replayable:  # there is more to the inputs than was kept: no learner may be asked of a part
        data = replace(data, x=None, x_held=None, mean=None, std=None, low=None, high=None)
    if watch.need_not_fall is not None:  # what the outputs are compared with is no truth
        data, held_outputs = DataFacts(samples=watch.samples), None
        checkups = [replace(look, outputs=None, targets=None) for look in checkups]
    parts = sight.parts.values() if sight else ()
    untrained, frozen = _untrained(watch)
    origin = _origin(watch)
    return Patient(
        layers=tuple(_facts_of(part, watch.first_look) for part in parts),
        history=watch.record.history,
        checkups=tuple(checkups),
        loss=_loss(watch, outputs),
        loss_speaks=watch.need_not_fall is None,
        change_by_mates=_change_by_mates(watch, samples) if now else nan,
        change_by_future=_change_by_future(watch),
        places=_places(watch, {part.path: part.place for part in parts}, origin),
        origin=origin,
        optimizer=optimizer_facts(watch.optimizers[0]) if watch.optimizers and not watch.hand else None,
        data=data,
        batch_size=watch.batch_size,
        step=watch.step,
        evaluations=watch.evaluations,
        planned=watch.planned if watch.failure is None else watch.step + 1,  # its end was not seen
        constant_rate=len(watch.rates) <= 1,
        held_outputs=held_outputs,
        untrained=untrained,
        declared_frozen=frozen,
        loop=watch.loop.facts(watch.root, watch.step, watch.made),
        clinic=(_clinic(watch, samples, data) if now and samples else None) or _other_clinic(watch),
    )


def _facts_of(part: Part, first: Look | None) -> LayerFacts:
    """Return a layer as a diagnosis sees it; what a function met is told of the first look."""
    then = first.sight.parts.get(part.path) if first is not None and part.silent else None
    return (then or part).facts


def _change_by_mates(watch: Seen, samples: Samples | None) -> float:
    try:
        return change_by_mates(watch, samples)
    except Exception:  # batches of another size may not go through
        return nan


def _change_by_future(watch: Seen) -> float:
    if watch.shown.kept is None or watch.blind or watch.need_not_fall is not None:
        return nan
    try:
        return change_by_future(watch.root, watch.shown.kept)
    except Exception:  # a model may do anything when it is called with other numbers
        return nan


def _origin(watch: Seen) -> Origin | None:
    """Return where numbers that are not finite began, if there are any and it can be found."""
    losses = watch.record.history.series("loss")[1]
    ended = watch.died is not None and _NOT_FINITE.search(watch.died) is not None
    if watch.trace is None or not (ended or not np.isfinite(losses).all()):
        return None
    return watch.trace()


def _places(watch: Seen, called: Mapping[str, Place | None], origin: Origin | None) -> dict[str, Place]:
    """Return the lines of the program that are known: of each layer where it was made, else called."""
    found = dict(watch.places)
    if origin is not None and origin.ordinary and origin.place is not None:
        found["operation"] = origin.place
    made = {path: births.of(module) for path, module in modules_of(watch.root) if path}
    for path in (*made, *(path for path in called if path not in made)):
        place = made.get(path) or called.get(path)
        if place is not None:
            found[f"layer:{path}"] = place
    main = watch.optimizers[0] if watch.optimizers else None
    if (place := births.of(getattr(main, "origin", main))) is not None:
        found["optimizer"] = place
    return found


def _other_clinic(watch: Seen) -> Clinic | None:
    """Where trials can be made on a program that has no twin."""
    return watch.other_clinic() if watch.budget > 0 and watch.other_clinic is not None else None


def _loss(watch: Seen, outputs: Array | None) -> LossFacts | None:
    """Return what is known of the loss: by the model's outputs, or at least by its name."""
    name, function, options = watch.first_call
    kind = watch.rule.kind if watch.rule is not None else LOSSES.get(name)
    if kind is None or len(watch.losses_seen) > 1:
        return None
    classes = outputs.shape[1] if outputs is not None else None
    try:
        floor = floor_of(name, function, options, watch.loss_targets, classes)
    except Exception:  # options of a loss may be of any kind
        floor = None
    alone = watch.loss_alone
    own = watch.rule is not None or watch.of_outputs
    facts = replace(kind.facts, crossed=watch.crossed, before=watch.before_loss, floor=floor)
    return replace(facts, alone=alone, of_outputs=own)


def _recent(watch: Seen) -> tuple[int, Array, Array] | None:
    """Return the answers of the looks of the last fifth of the run, or of the last look, if that is late."""
    latest = watch.answers.latest
    if latest is None or latest < _LATE * watch.step:
        return None
    found = watch.answers.since(min(latest, int(0.8 * watch.step)))
    return None if found is None else (latest, *found)


def _answered(look: Checkup | None, answers: tuple[int, Array, Array] | None, watch: Seen) -> Checkup | None:
    """Return a checkup of a look at the user's own step with what the model answered then."""
    if look is None or answers is None or look.outputs is not None:
        return look
    step, y, t = answers
    if abs(step - 1 - look.step) > max(1, 0.2 * watch.step) and look.step < watch.step / 2:
        return look
    return replace(look, outputs=y, targets=t, samples=len(y))


def _held_answers(watch: Seen, data: DataFacts) -> tuple[DataFacts, Array | None]:
    """Return what the model answered in its last evaluation, where it cannot be run again."""
    latest = watch.held_answers.latest
    if latest is None or latest < 0.8 * watch.step:
        return data, None
    found = watch.held_answers.since(latest)
    if found is None:
        return data, None
    y, t = found
    samples = watch.held.samples() if data.x is not None else None
    fits = (
        samples is not None
        and len(samples[0]) == len(t)
        and np.array_equal(np.asarray(as_targets(samples[1], True)), t)
    )
    return replace(data, x_held=flat(samples[0]) if samples is not None and fits else None, t_held=t), y


def _counted(data: DataFacts, look: Checkup) -> DataFacts:
    """Return the facts with what the targets of the answers tell, where inputs do not fit to them."""
    t = look.targets
    if t is None or look.outputs is None:
        return data
    if t.dtype.kind != "i":
        return replace(data, target_low=t.min(axis=0), target_high=t.max(axis=0))
    classes = max(look.outputs.shape[1], int(t.max(initial=0)) + 1, 2)
    return replace(data, classes=classes, class_counts=np.bincount(t, minlength=classes))


Samples = tuple[torch.Tensor, torch.Tensor]


def _examinations(watch: Seen, samples: Samples | None) -> tuple[Examination | None, Checkup | None]:
    """Examine the present weights and those of the start, if the model and its loss can be run again."""
    if not watch.replayable:
        watch.refused = say("watch.arguments")
    if watch.rule is None or samples is None or not watch.replayable:
        return None, _passive(watch, watch.first_look)
    few = _few(watch, _checkup_rows(watch, len(samples[0])))
    try:
        now = _examine(watch, watch.rule, few, watch.step)
        first = None
        if watch.start is not None and watch.step:
            with _loaded(watch.root, watch.start):
                first = _examine(watch, watch.rule, few, 0).checkup
    except Exception as error:  # a model may do anything when it is called; what it said is in the scope
        watch.refused = f"{type(error).__name__}: {error}"
        return None, _passive(watch, watch.first_look)
    return now, first


def _few(watch: Seen, limit: int) -> Samples:
    """Return at most so many of the samples, where there are any."""
    few = watch.memory.samples(limit)
    assert few is not None
    return few


def _examine(watch: Seen, rule: LossRule, samples: Samples, step: int, *, flow: bool = False) -> Examination:
    x, t = samples
    targets = as_targets(t, _by_index(watch))
    with _eagerly(watch):
        return examine(
            watch.root,
            rule,
            x,
            t,
            step=step,
            targets=targets,
            modes=watch.modes,
            decays=watch.decays,
            flow=flow,
        )


def _checkup_rows(watch: Seen, count: int) -> int:
    """Return how many samples to examine."""
    parts = watch.last_look.sight.parts.values() if watch.last_look else ()
    per_sample = sum(prod(part.out_shape) for part in parts)
    fitting = _CHECKUP_ELEMENTS // per_sample if per_sample else 100
    return min(count, _CHECKUP_ROWS, max(16, fitting))


def _eagerly(watch: Seen) -> Any:
    """Run compiled models as they are written: what is inside can be seen then."""
    stance = getattr(torch.compiler, "set_stance", None)
    return stance("force_eager") if watch.blind and stance is not None else nullcontext()


@contextmanager
def _loaded(model: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Give a model other tensors for a while."""
    present = copy_of(model)
    put_back(model, dict(state))
    try:
        yield
    finally:
        put_back(model, present)


def _passive(watch: Seen, look: Look | None) -> Checkup | None:
    """Return a checkup from a look at the user's own step.

    The weights are those of now; for the first step those of the start, where they were kept.
    """
    if look is None:
        return None
    kept = watch.start if look.step == 1 else None
    with nullcontext() if kept is None else _loaded(watch.root, kept):
        params = param_checks(watch.root, look.raw_gradients, watch.decays)
    return Checkup(
        step=look.step - 1,
        samples=look.samples,
        loss=look.loss,
        layers=layer_checks(look.sight, look.factor),
        params=params,
    )


def _by_index(watch: Seen) -> bool:
    return watch.rule is None or watch.rule.kind is None or watch.rule.kind.name in _BY_INDEX


def _data(watch: Seen, samples: Samples | None, outputs: int) -> DataFacts:
    if samples is None:
        return DataFacts(samples=watch.samples)
    held = watch.held.samples()
    return data_facts(
        samples, held, samples=watch.samples, classes_by_index=_by_index(watch), outputs=outputs
    )


def _held_outputs(watch: Seen, data: DataFacts) -> Array | None:
    held = watch.held.samples()
    if held is None or data.t_held is None or watch.rule is None:
        return None
    device = device_of(watch.root)
    with undisturbed(watch.root), torch.no_grad(), _eagerly(watch):
        set_modes(watch.root, lambda module: False)
        parts = [watch.rule.pick(watch.root(x.to(device))) for x in held[0].split(watch.batch_size or 100)]
    return to_array(torch.cat(parts).float()).reshape(len(held[0]), -1)


def _untrained(watch: Seen) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the parameters that get no update, and those of them that are frozen on purpose.

    What is no longer as it was at the start has been updated, whoever did it.
    """
    given = {id(p) for optimizer in watch.optimizers for p in hands_over(optimizer)}
    looked = watch.last_look is not None
    idle = watch.start is not None and watch.loop.facts(watch.root, watch.step).passes > 0
    untrained, frozen = [], []
    for name, p in parameters_of(watch.root):
        if not p.requires_grad:
            frozen.append(name)
        outside = not p.requires_grad or (given and id(p) not in given)
        if (outside or idle or (looked and name not in watch.had_gradient)) and not _has_moved(
            watch, name, p
        ):
            untrained.append(name)
    return tuple(untrained), tuple(frozen)


def _has_moved(watch: Seen, name: str, p: torch.Tensor) -> bool:
    start = watch.start.get(name) if watch.start is not None else None
    return start is not None and not torch.equal(start, p.detach())


def _clinic(watch: Seen, samples: Samples, data: DataFacts) -> Clinic | None:
    if watch.budget <= 0 or not watch.optimizers or watch.rule is None or watch.blind:
        return None
    few = _few(watch, _TWIN_ROWS)
    t, t_all = (as_targets(part, _by_index(watch)) for part in (few[1], samples[1]))
    if t is None or t_all is None:
        return None
    now = copy_of(watch.root)
    held = watch.held.samples() if data.x_held is not None else None
    start = watch.start or now  # the present weights may be NaN, those of the start tell what it computes
    with _loaded(watch.root, start):
        examination = _examine(watch, watch.rule, few, 0, flow=True)
    subject = Subject(
        examination=examination,
        rule=watch.rule,
        x=few[0].to(examination.y.device),
        t=t,
        now=now,
        start=start,
        optimizer=watch.optimizers[0],
        decay=max(watch.decays.values(), default=0.0),
        x_all=to_array(samples[0].float()),
        t_all=t_all,
        x_held=to_array(held[0].float()) if held else None,
        t_held=data.t_held,
        batch_size=watch.batch_size or 100,
        step=watch.step,
        planned=watch.planned or max(watch.step, 1),
    )
    return twin_clinic(subject, watch.budget)
