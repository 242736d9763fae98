"""Trains and kills: `python kills.py WHAT PLACE COUNT SEED` prints what happened as one line of JSON.

A process that has imported all it needs forks one for every life, which trains (or goes on) and is killed
with SIGKILL at a random moment of it; after every kill the folder must be sound and hold no less than
before. When a run has come to its end it must be what it is without kills, bit for bit. So imports, which
write nothing, are not killed, and a kill costs milliseconds. What a loss of power leaves is not tried here.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from hostile.cases import WATCH, experiment, quietly, recipe, run_it
from hostile.judge import same_result
from koubai.lab.perform.store import Store
from koubai.train import RunFolder, resume, train
from koubai.train.folder_files import step_of
from koubai.train.verify import verify
from support.runs import assert_same

PATIENCE = 300.0  # seconds; a life takes one
MOST = 20  # wrong ends after which the rest is not tried


class Training:
    """A run with a checkpoint every 7 steps, resumed until it has ended."""

    def __init__(self, place: Path, rng: random.Random, engine: str) -> None:
        self.place, self.engine = place / "run", engine
        self.recipe = recipe(seed=rng.randrange(5), steps=150)
        self.before = -1

    def live(self) -> None:
        if RunFolder(self.place).exists:
            resume(self.place, save_every=7)
        else:
            train(self.recipe, engine=self.engine, observation=WATCH, folder=self.place, save_every=7)

    def look(self) -> None:
        """Assert that all is sound, and that no checkpoint there was before is lost."""
        folder = RunFolder(self.place)
        if not folder.exists:
            assert self.before < 0, "the run is gone"
            return
        found = verify(self.place)
        assert found.sound, found
        steps = [step_of(name) for name in folder.names("checkpoints", "step")] or [0]
        assert steps[-1] >= self.before, f"went back from {self.before} to {steps[-1]}"
        assert found.back_to == steps[-1], (found.back_to, steps)
        self.before = steps[-1]

    def compare(self) -> None:
        assert_same(resume(self.place), train(self.recipe, engine=self.engine, observation=WATCH))
        left = [path.name for path in self.place.rglob("*") if path.name.endswith(".part")]
        assert not left, left


class Experimenting:
    """An experiment of six runs in two threads, run until all runs are there."""

    def __init__(self, place: Path, rng: random.Random, engine: str) -> None:
        self.place, self.kept = place / "store", {}

    def live(self) -> None:
        run_it(experiment(3), self.place)

    def look(self) -> None:
        """Assert that all runs are sound, and that those there were before are as they were."""
        store = Store(self.place)
        assert all(found.sound for found in store.verify())
        now = {path.parent.name: path.read_bytes() for path in store.runs.glob("[!.]*/result.json")}
        assert self.kept.items() <= now.items(), "a finished run was lost or made again"
        self.kept = now

    def compare(self) -> None:
        result = run_it(experiment(3), self.place)
        assert result.reused == 6, result.reused
        same_result(result, run_it(experiment(3), self.place.with_name("truth")))
        left = [path.name for path in (self.place / "runs").glob(".*") if path.name != ".lock"]
        assert not left, left


def forked(act: Callable[[], None]) -> int:
    """Return the pid of a process that does something and ends with 0, or with 1 and its traceback."""
    pid = os.fork()
    if pid == 0:
        try:
            quietly(act)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid


def life(act: Callable[[], None], seconds: float) -> tuple[int, float]:
    """Let a process live for some seconds at most; return how it ended (-9: killed) and how long it lived."""
    started, pid = time.monotonic(), forked(act)
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        lived = time.monotonic() - started
        if ended:
            return os.waitstatus_to_exitcode(status), lived
        if lived >= seconds:
            os.kill(pid, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), lived
        time.sleep(min(0.0005, seconds - lived))


def hunt(kind: type[Any], place: Path, count: int, rng: random.Random) -> dict[str, Any]:
    """Kill `count` times; return how many kills and whole runs there were, and all that went wrong."""
    kills = runs = 0
    wrong: list[str] = []
    usual = 1.0  # seconds of a whole life, as the last ones took
    while (kills < count or runs == 0) and len(wrong) < MOST:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        engine = "native" if rng.random() < 0.2 else "reference"
        quarry, code, lives = kind(place, rng, engine), -9, 0
        try:
            while code:
                lives += 1  # the more there were, the longer they may get: a run must come to its end
                seconds = rng.uniform(0, usual * (1 + lives / 4)) if kills < count else PATIENCE
                code, lived = life(quarry.live, seconds)
                assert code in (0, -9), f"ended with {code}"
                assert lived < PATIENCE, "it hangs"
                kills += code == -9
                usual = 0.8 * usual + 0.2 * min(lived, 3.0) if code == 0 else usual
                quietly(quarry.look)
            code, _ = life(quarry.compare, PATIENCE)  # no threads here, who forks
            assert code == 0, "another end than without kills"
            runs += 1
        except Exception as error:
            wrong.append(f"{kind.__name__}, kill {kills}: {type(error).__name__}: {error}"[:600])
            print(wrong[-1], file=sys.stderr, flush=True)
            shutil.copytree(place, f"{place}-wrong-{len(wrong)}", symlinks=True)
    return {"kills": kills, "runs": runs, "wrong": wrong}


if __name__ == "__main__":
    what, folder, number, seed = sys.argv[1:]
    kinds = {"training": Training, "experiment": Experimenting}
    warnings.simplefilter("ignore")
    quietly(recipe().data.load)  # imports
    os.waitpid(forked(lambda: Training(Path(folder) / "warm", random.Random(0), "native").live()), 0)
    print(json.dumps(hunt(kinds[what], Path(folder) / "hunt", int(number), random.Random(int(seed)))))
