"""Runs of one seed trained side by side: their batches are drawn once, and each has the bits it has alone."""

from __future__ import annotations

import time
from collections.abc import Sequence

from koubai.core.tap_record import TapRecord
from koubai.engines.bundle import Bundle, bundle_of
from koubai.train.interrupt import Interrupt
from koubai.train.loop import Loop, OnProgress
from koubai.train.session import PARTS, Session, quiet
from koubai.train.train import Run, ended


def bundled(sessions: Sequence[Session]) -> Bundle | None:
    """Return the bundle of new sessions; None where they see other batches, or would gain nothing by it."""
    first = sessions[0]
    alike = all(
        s.step == first.step
        and s.dataset is first.dataset
        and s.sampler == first.sampler
        and s.observation == first.observation
        for s in sessions
    )
    return bundle_of([s.program for s in sessions]) if alike else None


def finish_bundle(
    sessions: Sequence[Session], bundle: Bundle, on_progress: Sequence[OnProgress]
) -> list[Run]:
    """Run the sessions of a bundle to their ends, step by step together; one that stops leaves the others.

    The seconds of a run are its share of those that all took.
    """
    started = time.perf_counter()
    with Interrupt() as interrupt:
        loops = [
            Loop(session, interrupt, report, 0, None, 0, started)
            for session, report in zip(sessions, on_progress, strict=True)
        ]
        _foresee(bundle, loops, [n for n, loop in enumerate(loops) if loop.looks_first])
        for loop in loops:
            if loop.looks_first:
                loop.evaluate()
        while going := [n for n, loop in enumerate(loops) if loop.goes_on]:
            _advance(bundle, loops, going)
        for loop in loops:
            loop.end()
        runs = [ended(loop) for loop in loops]
    for run in runs:
        run.seconds, run.startup = run.seconds / len(runs), run.startup / len(runs)
    return runs


def _advance(bundle: Bundle, loops: Sequence[Loop], going: Sequence[int]) -> None:
    """Let the loops of these numbers make some steps and look at what came of them."""
    steps, start = min(loops[n].next_steps() for n in going), time.perf_counter()
    first, taps = loops[going[0]].session, [list[TapRecord]() for _ in going]
    with quiet():
        losses = bundle.advance(
            going,
            first.sampler.batches(first.step, steps),
            first.observation,
            [records.append for records in taps],
        )
    for n, lost, records in zip(going, losses, taps, strict=True):
        loops[n].session.take(lost, records)
    spent = time.perf_counter() - start
    for n in going:
        loops[n].keep_pace(steps, spent)
    _foresee(bundle, loops, [n for n in going if loops[n].evaluates])
    for n in going:
        loops[n].look()


def _foresee(bundle: Bundle, loops: Sequence[Loop], numbers: Sequence[int]) -> None:
    """Have the outputs of all that are to be evaluated computed at once."""
    if len(numbers) < 2:
        return
    sessions = [loops[n].session for n in numbers]
    for part in PARTS:
        x = sessions[0].dataset.inputs(part)[: sessions[0].evaluated_rows(part)]
        if len(x):
            with quiet():
                answers = bundle.predict(numbers, x)
            for session, y in zip(sessions, answers, strict=True):
                session.foreseen[part] = y
