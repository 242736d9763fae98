"""Running an experiment: stored runs are taken, the others performed and stored as they finish."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from koubai.core.errors import RunError
from koubai.lab.closing import conclude
from koubai.lab.conclude.result import ExperimentResult
from koubai.lab.declare.experiment import Experiment
from koubai.lab.perform.bundle import MOST, fellows
from koubai.lab.perform.executors import Workers
from koubai.lab.perform.keeper import StoreKeeper, keeping
from koubai.lab.perform.outcome import Stopped
from koubai.lab.perform.progress import CampaignProgress
from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.sizes import require_memory_of_runs
from koubai.lab.perform.store import Store
from koubai.lab.perform.work import Task, failed, tasks_of
from koubai.train.environment import environment
from koubai.train.recipe import Recipe

_LOOK = 0.2  # seconds between two looks at messages, budget and Ctrl-C
_SOON = 0.01  # the same until the first message is there, for whoever waits for a sign of life
_PATIENCE = 2.0  # seconds after which it is no longer looked for so often: code is compiled, then
_ALONE = 0.05  # seconds in which the first run has Python to itself: its first sign of life comes sooner
_AHEAD = 8  # tasks a worker that are handed over at once: what waits there no stop and no budget reaches
_AHEAD_ELSEWHERE = 4  # bundles, where the way is long and a bundle takes its time
_BUNDLE = 0.5  # seconds of work in a bundle of short runs: beside them a cluster's own work is little
_MOST = 64  # runs in a bundle
OnCampaignProgress = Callable[[CampaignProgress], None]


def run_experiment(
    experiment: Experiment,
    workers: Workers,
    *,
    store: Store | None = None,
    engine: str = "auto",
    threads: int = 1,
    data_dir: Path | None = None,
    device: str = "cpu",
    on_progress: OnCampaignProgress | None = None,
    tasks: list[Task] | None = None,
) -> ExperimentResult:
    """Return what came out of an experiment; with a store, runs that it holds are not made again.

    Ctrl-C, the end of the budget or the loss of a cluster's scheduler ends it early: the result then counts
    what is pending and says why, and a second call with the same store goes on from there. `tasks` are
    those of the experiment, where they are known already. `device` is one that `settled_device` gave.
    """
    if store is not None:
        store.check()
    if (
        engine in ("auto", "native")
        and device == "cpu"
        and isinstance(experiment.base, Recipe)
        and (store is None or store.empty)
    ):
        workers.warm_up()
    if tasks is None:
        tasks = tasks_of(experiment, engine=engine, threads=threads, data_dir=data_dir, device=device)
    require_memory_of_runs(tasks, 1 if workers.elsewhere else min(workers.count, len(tasks)))
    campaign = Campaign(experiment, workers, on_progress or (lambda progress: None))
    started = time.perf_counter()
    with keeping(store) as keeper:
        campaign.run(tasks, keeper)
    done = [
        campaign.results[task.arm, task.seed] for task in tasks if (task.arm, task.seed) in campaign.results
    ]
    return conclude(
        experiment,
        tuple(done),
        environment=_environment(experiment, done, threads, data_dir) | {"workers": workers.count},
        seconds=time.perf_counter() - started,
        pending=len(tasks) - len(done),
        reused=campaign.reused,
        stopped_by=campaign.stopped_by,
    )


def _environment(
    experiment: Experiment, runs: Sequence[RunResult], threads: int, data_dir: Path | None
) -> dict[str, Any]:
    """Return what the runs were made with, whatever engines and devices they found."""
    return environment(
        engine=", ".join(sorted({run.engine for run in runs if run.engine})),
        threads=threads or "auto",
        dataset=experiment.base.data.load(data_dir) if hasattr(experiment.base, "data") else None,
        device=", ".join(sorted({run.device for run in runs if run.device})),
    )


@dataclass
class Campaign:
    """The tasks of one experiment on their way through an executor."""

    experiment: Experiment
    workers: Workers
    on_progress: OnCampaignProgress
    results: dict[tuple[str, int], RunResult] = field(default_factory=dict)
    reused: int = 0
    stopped_by: str | None = None
    _keeper: StoreKeeper | None = field(default=None, init=False)
    _under_way: dict[Future[list[RunResult]], list[Task]] = field(default_factory=dict, init=False)
    _seconds: float = field(default=0.0, init=False)  # that all runs made here took

    def run(self, tasks: list[Task], keeper: StoreKeeper | None = None) -> None:
        """Perform what the store lacks and have it kept; return when done, stopped, or out of budget."""
        self._keeper = keeper
        missing = [task for task in tasks if not self._take(task)]
        self.progress = CampaignProgress(len(tasks), self.reused, runs=list(self.results.values()))
        self.on_progress(self.progress)
        try:
            while missing:
                missing = self._round(missing)
        except KeyboardInterrupt:
            self._stop("interrupt")

    def _take(self, task: Task) -> bool:
        stored = self._keeper.desk.load(task.key, task.arm, task.seed) if self._keeper else None
        if stored is not None:
            self.results[task.arm, task.seed] = stored
            self.reused += 1
        return stored is not None

    def _round(self, tasks: list[Task]) -> list[Task]:
        """Hand tasks over as others finish, and gather them; return those that a new pool must do."""
        line, by_key = deque(tasks), {task.key: task for task in tasks}
        broken: list[Task] = []
        while self._feed(line):
            finished, _ = wait(self._under_way, timeout=self._look, return_when=FIRST_COMPLETED)
            for message in self.workers.heard():
                self.progress.hear(*message, by_key)
            for future in finished:
                broken += self._gather(future, self._under_way.pop(future))
            self.on_progress(self.progress)
            if self._under_way and not self.workers.answers():
                self.stopped_by = "scheduler"
                break
            if self._out_of_budget() and (line or self._under_way):
                self.stopped_by = "budget"
                line.clear()
                self._under_way = {f: tasks for f, tasks in self._under_way.items() if not f.cancel()}
        rest = [*broken, *line]
        return self._renewed(rest) if rest and not self.stopped_by else []

    @property
    def _look(self) -> float:
        """Seconds until the next look: few while nothing was heard yet."""
        return _SOON if self._silent(_PATIENCE) else _LOOK

    def _silent(self, seconds: float) -> bool:
        """Whether nothing was heard yet of workers of this machine, in so short a time."""
        heard = self.progress.running or self.progress.done or self.progress.failed
        here = self.workers.messages is not None and not self.workers.elsewhere
        return here and not heard and self.progress.elapsed < seconds

    def _feed(self, line: deque[Task]) -> bool:
        """Hand over from the line's head what workers may soon want; return whether any task is under way."""
        most = (_AHEAD_ELSEWHERE if self.workers.elsewhere else _AHEAD) * self.workers.count
        if self._silent(_ALONE):
            most = 1
        with suppress(BrokenProcessPool):  # what is under way then breaks, too
            while line and len(self._under_way) < most:
                bundle = [line[i] for i in range(self._bundle(line))]
                self._under_way[self.workers.submit(bundle)] = bundle
                for _ in bundle:
                    line.popleft()
        return bool(self._under_way)

    def _bundle(self, line: Sequence[Task]) -> int:
        """Return how many runs go together: to other machines short ones, here such as share batches."""
        left = len(line)
        if self.workers.shares_memory and not self.workers.elsewhere:
            most = min(MOST, left // self.workers.count)  # so that nobody waits at the end for one with many
            count = fellows([line[i] for i in range(most)]) if most > 1 else 1
            return 1 << (count.bit_length() - 1)  # halves, not a large part and a small one
        made = len(self.results) - self.reused
        if not self.workers.elsewhere or made == 0:
            return 1
        fair = left // (2 * self.workers.count)  # so that nobody waits at the end for one with many
        return max(1, min(fair, _MOST, int(_BUNDLE * made / max(self._seconds, 1e-9))))

    def _renewed(self, tasks: list[Task]) -> list[Task]:
        """Return tasks to be submitted again, to workers that stand in for dead ones."""
        if self.workers.restart is None or not self.workers.restart():
            raise RunError("worker_processes_keep_dying")
        return [task for task in tasks if (task.arm, task.seed) not in self.results]

    def _gather(self, future: Future[list[RunResult]], tasks: list[Task]) -> list[Task]:
        """Take in one finished future; return its tasks if its process died: they are to be repeated."""
        try:
            results = future.result()
        except Stopped:
            return []
        except CancelledError:  # by us, once we have stopped; else the scheduler went, and took it along
            self.stopped_by = self.stopped_by or "scheduler"
            return []
        except BrokenProcessPool:
            return tasks
        except Exception as error:  # a cluster's own: a worker lost too often, a result too large to send
            results = [failed(task, f"{type(error).__name__}: {error}") for task in tasks]
        for task, result in zip(tasks, results, strict=False):  # a stop may have come between two of them
            self._take_in(task, result)
        return []

    def _take_in(self, task: Task, result: RunResult) -> None:
        if (task.arm, task.seed) not in self.results:
            self._seconds += result.seconds + result.startup
            self.results[task.arm, task.seed] = result
            self.progress.finish(task, result)
            if self._keeper is not None and result.failure is None:
                self._keeper.keep(result)

    def _out_of_budget(self) -> bool:
        budget = self.experiment.budget
        return budget is not None and self.progress.elapsed > budget

    def _stop(self, why: str) -> None:
        """Ask runs under way to end and keep those that finish meanwhile; a second Ctrl-C gets through."""
        self.stopped_by = why
        self.workers.stop.set()
        grace = self.workers.grace
        started = [future for future in self._under_way if grace is not None or not future.cancel()]
        for future in wait(started, timeout=grace).done:
            self._gather(future, self._under_way.pop(future))
        for future in self._under_way:
            future.cancel()
