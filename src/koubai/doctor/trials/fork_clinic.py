"""A clinic that asks the snapshots of a program's process, or has the program run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from koubai.doctor.patient.beside import levels
from koubai.doctor.patient.clinic import Change, Trial
from koubai.doctor.trials.budget import Budget
from koubai.doctor.trials.catalog import translated
from koubai.doctor.trials.changes import FROM_THE_START
from koubai.doctor.trials.forks import Forks, Snapshot
from koubai.doctor.trials.orders import Answer, TrialOrder
from koubai.doctor.trials.reruns import Reruns

NOTHING = Change("nothing")
RACES = (
    tuple(Change("learning_rate", factor) for factor in (10.0, 100.0, 1000.0)),
    tuple(Change("learning_rate", factor) for factor in (0.1, 0.01, 0.001)),
)
"""Changes of which one is right, if any: all are tried over few updates, and only the best over many."""

_ALIKE = 1e-5  # relative: six digits; the unchanged child computes with one thread, and may round otherwise
_COMPARED = 5  # losses; later ones may part, as rounding grows
_PILOT = 20  # updates of the first trial, which tells what one costs and whether trials can be trusted
_FEWEST = 20  # updates of a run, below which no trial tells anything
_SLOWER = 10.0  # times the usual CPU time of an update, after which a trial is ended
_FAR_AHEAD = 0.5  # of its way from the start, the unchanged run did not go
_LONGER = 1.25  # times as many updates: a second trial is worth it
_LAST = 4  # the last quarter of a trial decides a race


class ForkClinic:
    """Tries changes on forks of the program. Trials of one question are kept.

    The program itself is the unchanged run beside every trial: a fork that changes nothing has to repeat it.

    | field    | meaning                                                                                |
    |----------|----------------------------------------------------------------------------------------|
    | left     | updates that may still be made                                                         |
    | trouble  | why there are no trials (any more), a key of words/trials.toml; "": nothing is wrong   |
    | repeated | how many losses the unchanged child repeated, and how many were compared               |
    | told     | every trial that was made, in order                                                    |
    """

    def __init__(
        self,
        forks: Forks | Reruns,
        times: float = 1.0,
        *,
        on_trial: Callable[[Change, int], None] | None = None,
    ) -> None:
        self._forks, self._on_trial = forks, on_trial
        self.way = forks.way
        self._numbers = 0
        self._cpu_per_step = 1.0
        self._known: dict[tuple[Change, int], Trial | None] = {}
        self._short: dict[tuple[Change, int], Trial | None] = {}
        self.trouble = forks.refused or ("" if forks.snapshots else "none")
        if not self.trouble and not forks.meter.losses:
            self.trouble = "by_hand"
        if not self.trouble and not forks.meter.speaks:
            self.trouble = "inner" if forks.meter.inner else "silent"
        self.repeated: tuple[int, int] | None = None
        self.told: list[Trial] = []
        if not self.trouble and forks.meter.steps < _FEWEST:
            self.trouble = "short"
        losses = forks.meter.losses
        self._run = np.array(losses[forks.meter.main] if losses else [], dtype=np.float64)
        self._budget = Budget.of(len(self._run), times)
        self.left = 0 if self.trouble else self._budget.all

    def trial(self, change: Change, *, start: int, steps: int, seed: int | None = None) -> Trial | None:
        """Try a change from the last snapshot at or before `start`, over at most `steps` updates."""
        own = translated(change)
        if own is None or seed is not None or steps > len(self._run) or not self.works:
            return None
        if own.name == "no_schedule" and self._forks.meter.constant_rate:
            return None
        snapshot = self._forks.nearest(start)
        if snapshot is None or (snapshot.step and own.name in FROM_THE_START):
            return None
        if (own, snapshot.step) not in self._known:
            race = next((race for race in RACES if own in race), (own,))
            self._run_all(race, snapshot, steps)
        found = self._known.get((own, snapshot.step))
        return found and replace(found, change=change)

    def gradient_errors(self) -> dict[str, float] | None:
        """Not here."""
        return None

    # ------------------------------------------------------------------------------------ trust

    @property
    def works(self) -> bool:
        """Make the first trial, which changes nothing: does it do what the program itself did?"""
        if self.repeated is None and not self.trouble:
            snapshot = self._forks.nearest(0) or self._forks.snapshots[0]
            steps = min(_PILOT, len(self._run) - snapshot.step)
            answer = self._ask(snapshot, [NOTHING], steps)[0] if steps > 0 else None
            self.trouble = self.trouble or self._distrust(answer, snapshot)
            if answer is not None and not self.trouble:
                self._cpu_per_step = max(answer.cpu / max(len(answer.losses), 1), 1e-4)
        return not self.trouble

    def _distrust(self, answer: Answer | None, snapshot: Snapshot) -> str:
        """Return what speaks against trials: the unchanged child must repeat the program's own losses."""
        if answer is None or not answer.losses:
            return "hung" if answer is not None and answer.ended == "hung" else "died"
        there = np.array(answer.losses[:_COMPARED])
        own = self._run[snapshot.step :][: len(there)]
        same = np.isclose(there, own, rtol=_ALIKE, atol=1e-6, equal_nan=True)
        self.repeated = int(same.sum()), len(same)
        return "" if same.all() else "differs"

    # ------------------------------------------------------------------------------------ trials

    def screen(self, changes: Sequence[Change], start: int = 0) -> dict[Change, Trial | None]:
        """Try changes over few updates; what could not be tried is None."""
        snapshot = self._forks.nearest(start)
        if snapshot is None or not self.works:
            return dict.fromkeys(changes)
        new = [change for change in changes if (change, snapshot.step) not in self._short]
        made = self._made(new, snapshot, min(self._budget.race, len(self._run) - snapshot.step))
        self._short |= {(change, snapshot.step): trial for change, trial in made.items()}
        return {change: self._short[change, snapshot.step] for change in changes}

    def _run_all(self, race: Sequence[Change], snapshot: Snapshot, steps: int) -> None:
        """Try one change, or screen several and try the best; what could not be tried is known as None."""
        steps = min(steps, self._budget.each, len(self._run) - snapshot.step)
        short = self.screen(race, snapshot.step) if len(race) > 1 else dict.fromkeys(race)
        self._known |= {(change, snapshot.step): trial for change, trial in short.items()}
        ends = {change: _end(trial) for change, trial in short.items() if trial is not None}
        if len(race) > 1 and not ends:
            return
        best = min(ends, key=lambda change: ends[change]) if ends else race[0]
        found = self._made([best], snapshot, steps)[best]
        if found is None:
            return
        longer = min(2 * steps, self.left, len(self._run) - snapshot.step)
        if longer > _LONGER * steps and _nearly(found):
            found = self._made([best], snapshot, longer)[best] or found
        self._known[best, snapshot.step] = found

    def _made(self, changes: Sequence[Change], snapshot: Snapshot, steps: int) -> dict[Change, Trial | None]:
        """Try changes over so many updates; None for all where the budget is too small."""
        if steps <= 0 or not changes or steps * len(changes) > self.left:
            return dict.fromkeys(changes)
        answers = self._ask(snapshot, changes, steps)
        found = {
            change: self._read(change, answer, snapshot, steps)
            for change, answer in zip(changes, answers, strict=True)
        }
        self.told += [trial for trial in found.values() if trial is not None]
        return found

    def _read(self, change: Change, answer: Answer | None, snapshot: Snapshot, steps: int) -> Trial | None:
        """Return what an answer says; None if the change never took hold, or it ended far too early."""
        broke = answer is not None and answer.ended == "not finite"
        if answer is None or not answer.made or not (broke or len(answer.losses) >= steps // 2 > 0):
            return None
        own = self._run[snapshot.step :][: len(answer.losses)]
        return Trial(
            change,
            snapshot.step,
            np.array(answer.losses, dtype=np.float64),
            way=self.way,
            beside=Trial(NOTHING, snapshot.step, own, way=self.way),
            run=self._run,
        )

    def _ask(self, snapshot: Snapshot, changes: Sequence[Change], steps: int) -> list[Answer | None]:
        """Let the snapshot make trials, and count what they cost."""
        orders = []
        for change in changes:
            self._numbers += 1
            if self._on_trial is not None:
                self._on_trial(change, steps)
            cpu = 60.0 + _SLOWER * steps * self._cpu_per_step
            orders.append(TrialOrder(self._numbers, change, steps, self._forks.meter.main, cpu))
        try:
            found = self._forks.ask(snapshot, orders)
        except KeyboardInterrupt:  # what is known stays known
            self.trouble, found = "interrupted", {}
            self._forks.close()
        answers = [found.get(order.number) for order in orders]
        self.left -= sum(len(answer.losses) for answer in answers if answer is not None)
        return answers


def _nearly(trial: Trial) -> bool:
    """Whether a trial is far ahead of the unchanged run, but not yet beyond where the run arrives at last."""
    reached = levels(trial)
    return reached.ahead >= _FAR_AHEAD and not reached.gain


def _end(trial: Trial) -> float:
    """Return the mean loss of the end of a trial; infinite where it broke off."""
    if not trial.finite:
        return float("inf")
    return float(trial.losses[-max(1, len(trial.losses) // _LAST) :].mean())
