"""A patient from a watched program: everything that was seen of it, as diagnoses read it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from koubai.core.params import Array
from koubai.doctor.patient.aims import Aims
from koubai.doctor.patient.checkup import Checkup
from koubai.doctor.patient.clinic import Clinic
from koubai.doctor.patient.layer_facts import LayerFacts
from koubai.doctor.patient.origin import Origin
from koubai.doctor.patient.patient import Patient
from koubai.doctor.patient.place import Place
from koubai.doctor.patient.run_facts import DataFacts, LossFacts
from koubai.doctor.watch.checkups.answered import answered, counted, held_answers, recent_answers
from koubai.doctor.watch.checkups.asked import (
    by_place_of,
    change_by_future_of,
    copies_targets_of,
    held_modes_of,
    held_scale_of,
    inverted_mask_of,
    loose_backward_of,
    mixing_of,
    own_scale_of,
    turned_of,
)
from koubai.doctor.watch.checkups.batch_order import batch_order_of
from koubai.doctor.watch.checkups.examine import Examination
from koubai.doctor.watch.checkups.mates import Mixing
from koubai.doctor.watch.checkups.rerun import held_outputs, rerun, went_by
from koubai.doctor.watch.checkups.untrained import (
    left_out_of,
    rounded_of,
    silenced_of,
    unlisted_of,
    untrained_of,
)
from koubai.doctor.watch.passes.close_up import CloseUp
from koubai.doctor.watch.passes.floor import floor_of
from koubai.doctor.watch.passes.watched_layer import WatchedLayer
from koubai.doctor.watch.program.kinds import LOSSES, optimizer_facts
from koubai.doctor.watch.program.places import births
from koubai.doctor.watch.program.walk import modules_of
from koubai.doctor.watch.seen.data import data_facts
from koubai.doctor.watch.seen.kept_samples import Samples
from koubai.doctor.watch.seen.seen import Seen
from koubai.doctor.watch.seen.seen_loss import SeenLoss

_OFTEN = 0.5  # of the updates are clipped, to less than that share of their length
_NOT_FINITE = re.compile(r"\b(nan|inf|infinite|infinity|finite|diverge[ds]?)\b", re.IGNORECASE)


@dataclass
class Means:
    """What the doctor may do besides looking.

    | field        | meaning                                                                     |
    |--------------|-----------------------------------------------------------------------------|
    | budget       | seconds of trials on a twin; 0: no trials at all                            |
    | thorough     | whether what could be better is looked for in a run that is not sick        |
    | other_clinic | where trials can be made if the model has no twin; None: nowhere            |
    | trace        | finds the operation whose number was the first that is not finite           |
    """

    budget: float
    thorough: bool = False
    other_clinic: Callable[[], Clinic | None] | None = None
    trace: Callable[[], Origin | None] | None = None


def watch_patient(seen: Seen, means: Means) -> Patient:
    """Return the patient of a watch; where the model cannot be run again, from what went by."""
    samples = seen.trained.samples()
    now, checkups = _looks(seen, samples)
    outputs = checkups[-1].outputs if checkups else None
    data, answers = _data_and_answers(seen, checkups, samples, again=now is not None)
    untrained, frozen = untrained_of(seen)
    unlisted, silenced, left_out = unlisted_of(seen), silenced_of(seen, untrained), left_out_of(seen)
    origin, mixed = _origin(seen, means), mixing_of(seen, samples if now else None)
    layers = _layers(seen, now)
    return Patient(
        layers=tuple(_facts_of(layer, seen.first) for layer in layers),
        history=seen.record.history,
        checkups=tuple(checkups if seen.need_not_fall is None else map(_unanswered, checkups)),
        loss=_loss(seen.loss, outputs),
        loss_speaks=seen.need_not_fall is None,
        change_by_mates=mixed.change,
        mixed_by=mixed.operation,
        squashed=seen.squashed.found,
        bare_ctc=seen.squashed.bare,
        followed=seen.followed,
        stands=seen.stands if seen.need_not_fall == "moving" else None,
        change_by_future=change_by_future_of(seen),
        copies_targets=copies_targets_of(seen),
        spreads=tuple(seen.spreads.seen),
        codes=seen.spreads.codes,
        held_scale=held_scale_of(seen) if now else None,
        held_modes=held_modes_of(seen) if now else None,
        own_scale=own_scale_of(seen),
        by_place=by_place_of(seen) if now else None,
        turned=turned_of(seen),
        pulls=tuple(seen.penalties.pulls),
        order=batch_order_of(seen),
        duel=seen.opponents,
        places=_places(seen, {layer.path: layer.place for layer in layers}, origin, mixed),
        origin=origin,
        optimizer=optimizer_facts(seen.optimizers[0]) if seen.optimizers and not seen.hand else None,
        data=data,
        batch_size=seen.batch_size,
        step=seen.step,
        evaluations=seen.evaluations,
        planned=seen.planned if seen.failure is None else seen.step + 1,  # its end was not seen
        constant_rate=len(seen.rates) <= 1,
        held_outputs=answers,
        untrained=tuple(dict.fromkeys((*untrained, *unlisted, *left_out))),
        left_out=left_out,
        unlisted=unlisted,
        silenced=silenced,
        term_cut="term" if seen.terms.found else seen.terms.cut.fault if seen.terms.cut is not None else "",
        weak_term=seen.forces.weak,
        rounded=rounded_of(seen),
        aims=_aims(seen),
        vain=tuple(dict.fromkeys(name for vain in seen.vain for name in vain.names)),
        vain_steps=max((vain.steps for vain in seen.vain), default=0),
        declared_frozen=frozen,
        loop=seen.loop.facts(seen.root, seen.step, seen.made),
        clips=seen.loop.clips > 0,
        open_clinic=partial(_clinic, seen, samples if now else None, data, means),
        thorough=means.thorough,
    )


def _looks(seen: Seen, samples: Samples | None) -> tuple[Examination | None, list[Checkup]]:
    """Run the model again, if it can be; return that, and the looks at its beginning and its end."""
    now, first = rerun(seen, samples)
    first = first if now else answered(first, seen.answers.first, seen)
    last = now.checkup if now else answered(went_by(seen, seen.last), recent_answers(seen), seen)
    return now, [look for look in (first, last) if look]


def _layers(seen: Seen, now: Examination | None) -> tuple[WatchedLayer, ...]:
    """Return the layers of the model run again, else of the last step that was seen closely."""
    recorder = now.recorder if now else seen.last.recorder if seen.last else None
    return tuple(recorder.layers.values()) if recorder else ()


def _data_and_answers(
    seen: Seen, checkups: list[Checkup], samples: Samples | None, *, again: bool
) -> tuple[DataFacts, Array | None]:
    """Return what is known of the data, and what was answered in the evaluation; `again`: it can be asked."""
    if seen.need_not_fall is not None:
        return DataFacts(samples=seen.samples), None
    outputs = checkups[-1].outputs if checkups else None
    data = _data(seen, samples, 1 if outputs is None else outputs.shape[1])
    answers = held_outputs(seen, data) if again else None
    if answers is not None and not _beside(answers, data.t_held):
        data, answers = replace(data, x_held=None, t_held=None), None
    elif answers is None:
        data, answers = held_answers(seen, data)
    if outputs is not None and data.classes is None and data.t is None:
        data = counted(data, checkups[-1])
    # Otherwise there is more to the inputs than was kept: no learner may be asked of a part.
    if not (seen.replayable or seen.one_input):
        data = replace(data, x=None, x_held=None, mean=None, std=None, low=None, high=None)
    return data, answers


def _unanswered(look: Checkup) -> Checkup:
    """A look without its answers: what they are compared with is no truth."""
    return replace(look, outputs=None, targets=None)


def _beside(y: Array, t: Array | None) -> bool:
    """Whether outputs stand beside their targets: a part of them may have been compared."""
    return t is None or t.dtype.kind == "i" or y.reshape(len(y), -1).shape == t.reshape(len(t), -1).shape


def _facts_of(watched: WatchedLayer, first: CloseUp | None) -> LayerFacts:
    """Return a layer as a diagnosis sees it; what a function met is told of the first close-up."""
    then = first.recorder.layers.get(watched.path) if first is not None and watched.silent else None
    return (then or watched).facts


def _origin(seen: Seen, means: Means) -> Origin | None:
    """Return where numbers that are not finite began, if there are any and it can be found."""
    losses = seen.record.history.series("loss")[1]
    ended = seen.died is not None and _NOT_FINITE.search(seen.died) is not None
    if means.trace is None or not (ended or not np.isfinite(losses).all()):
        return None
    return means.trace()


def _places(
    seen: Seen, called: Mapping[str, Place | None], origin: Origin | None, mixed: Mixing
) -> dict[str, Place]:
    """Return the lines of the program that are known: of each layer where it was made, else called."""
    found = dict(seen.places)
    if origin is not None and origin.ordinary and origin.place is not None:
        found["operation"] = origin.place
    if mixed.place is not None:
        found["mixing"] = mixed.place
    if (mask := inverted_mask_of(seen) or seen.loss.masked) is not None:
        found["mask"] = mask
    if (derivative := loose_backward_of(seen)) is not None:
        found["derivative"] = derivative
    if seen.terms.cut is not None and seen.terms.cut.place is not None:
        found["cut"] = seen.terms.cut.place
    made = {path: births.of(module) for path, module in modules_of(seen.root) if path}
    for path in (*made, *(path for path in called if path not in made)):
        place = made.get(path) or called.get(path)
        if place is not None:
            found[f"layer:{path}"] = place
    if (vain := next((v.place for v in seen.vain if v.place is not None), None)) is not None:
        found["vain"] = vain
    main = seen.optimizers[0] if seen.optimizers else None
    if (place := births.of(getattr(main, "origin", main))) is not None:
        found["optimizer"] = place
    return found


def _clinic(seen: Seen, samples: Samples | None, data: DataFacts, means: Means) -> Clinic | None:
    """Return where trials can be made: on a twin, or on a program that has none."""
    if means.budget <= 0:
        return None
    other = None if means.other_clinic is None or _plain(seen) else means.other_clinic()
    if other is not None and other.works:
        return other
    from koubai.doctor.watch.twin.twin import twin_clinic

    twin = None
    with suppress(Exception):  # a model that only looks like a chain has no twin
        twin = None if samples is None else twin_clinic(seen, samples, data, means.budget)
    return twin or (None if means.other_clinic is None else means.other_clinic())


def _aims(seen: Seen) -> Aims:
    weighed = any(each.sinks.weighed or each.sinks.found for each in (seen, *seen.rivals))
    punished = any(each.entropies.punished for each in (seen, *seen.rivals))
    sinks, runaway = seen.sinks, seen.scales.runaway
    return Aims(sinks.found, weighed, sinks.chased, seen.paid, seen.allied, seen.swapped, runaway, punished)


def _plain(seen: Seen) -> bool:
    """Whether a twin leaves nothing out: it has no schedules, clipping, sums of gradients or penalties."""
    call = seen.loss.call[2]
    summed = call.get("reduction") == "sum" or call.get("size_average") is False
    loop = seen.loop.facts(seen.root, seen.step)
    clipped = loop.clipped > _OFTEN and loop.clipped_to < _OFTEN
    more = not seen.loss.alone or summed or loop.summed > 1
    return len(seen.rates) <= 1 and not more and not clipped


def _loss(loss: SeenLoss, outputs: Array | None) -> LossFacts | None:
    """Return what is known of the loss: by the model's outputs, or at least by its name."""
    name, function, options = loss.call
    kind = loss.rule.kind if loss.rule is not None else LOSSES.get(name)
    if kind is None and loss.crossed is not None:  # all that is known of a loss written by hand
        return LossFacts("", "", crossed=loss.crossed, alone=False)
    if kind is None or len(loss.names) > 1:
        return None
    classes = outputs.shape[1] if outputs is not None else None
    try:
        floor = floor_of(name, function, options, loss.targets, classes)
    except Exception:  # options of a loss may be of any kind
        floor = None
    return replace(
        kind.facts,
        crossed=loss.crossed,
        before=loss.before,
        floor=floor,
        alone=loss.alone,
        of_outputs=loss.rule is not None or loss.of_outputs,
        only_label=loss.only_label,
        class_weights=loss.class_weights,
    )


def _data(seen: Seen, samples: Samples | None, outputs: int) -> DataFacts:
    if samples is None:
        return DataFacts(samples=seen.samples)
    held = seen.held.samples()
    return data_facts(
        samples, held, samples=seen.samples, classes_by_index=seen.loss.by_index, outputs=outputs
    )
