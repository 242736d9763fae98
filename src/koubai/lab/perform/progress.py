"""Where an experiment stands: what is done, what runs at which loss, how long it will take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from koubai.lab.perform.run_result import RunResult
from koubai.lab.perform.work import Task


@dataclass
class RunUnderWay:
    """A run under way: steps made of steps to make, and its latest loss."""

    task: Task
    step: int = 0
    steps: int = 1
    loss: float = float("nan")

    @property
    def share(self) -> float:
        """Share of its steps that are made."""
        return self.step / self.steps if self.steps else 1.0


@dataclass
class CampaignProgress:
    """Counts of runs, the runs under way by key, and the finished ones, those from the store among them."""

    total: int
    reused: int = 0
    done: int = 0
    failed: int = 0
    running: dict[str, RunUnderWay] = field(default_factory=dict)
    runs: list[RunResult] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    _ended: set[str] = field(default_factory=set)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    @property
    def left(self) -> float | None:
        """Seconds that are probably left, at the pace so far; None before anything is known."""
        made = self.done + self.failed + sum(run.share for run in self.running.values())
        wanted = self.total - self.reused - made
        return self.elapsed * wanted / made if made > 0 else None

    def hear(self, key: str, step: int, steps: int, loss: float, tasks: dict[str, Task]) -> None:
        """Take in one message from a worker; one that comes after its run ended is late."""
        if key in tasks and key not in self._ended:
            run = self.running.setdefault(key, RunUnderWay(tasks[key]))
            run.step, run.steps, run.loss = step, steps, loss

    def finish(self, task: Task, result: RunResult) -> None:
        """Take in that a run ended."""
        self.running.pop(task.key, None)
        self._ended.add(task.key)
        self.runs.append(result)
        if result.failure is None:
            self.done += 1
        else:
            self.failed += 1
