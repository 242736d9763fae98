"""The process in which one peer trains one workload: it prepares, says so, and times a window when told.

Lines of JSON on standard output; everything a library prints goes to standard error.

    parent                     worker
    pickled Task, in hex   ->
                           <-  {"ready": true, "steps": 500, "kernels": "oneDNN 3.2.0", "transforms": false}
    go                     ->
                           <-  {"ms": 0.074}
    stop                   ->
                           <-  {"peak_mb": 312.5}, and ends
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import time
from dataclasses import dataclass
from math import ceil

from koubai_benchmarks.speed.peers import peers
from koubai_benchmarks.speed.peers.peer import Runner
from koubai_benchmarks.speed.workload import Workload


@dataclass(frozen=True)
class Task:
    """What a worker is to do; a window lasts about `seconds`."""

    peer: str
    workload: Workload
    threads: int
    seconds: float


def main() -> None:
    """Serve one parent over standard input and output."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    task: Task = pickle.loads(bytes.fromhex(sys.stdin.readline()))
    if sys.platform == "linux":  # libraries that ask for the number of cores get the number of threads
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: task.threads])
    peer = peers()[task.peer]
    run = peer.prepare(task.workload, task.threads)
    steps = _calibrate(run, task.seconds)
    ready = {"ready": True, "steps": steps, "kernels": peer.kernels(), "transforms": peer.transforms()}
    print(json.dumps(ready), file=answers)
    for line in sys.stdin:
        if line.strip() == "go":
            print(json.dumps({"ms": _milliseconds(run, steps)}), file=answers)
        else:
            print(json.dumps({"peak_mb": _peak_mebibytes()}), file=answers)
            return


def _calibrate(run: Runner, seconds: float) -> int:
    """Return how many steps fill a window.

    Every number of steps is run once before it is timed or used: some peers compile their loop for it.
    """
    steps = 1
    while True:
        run(steps)
        took = _milliseconds(run, steps) / 1e3
        if took * steps > seconds / 8:
            break
        steps *= 8
    steps = max(1, ceil(seconds / took))
    run(steps)
    return steps


def _milliseconds(run: Runner, steps: int) -> float:
    """Return the mean time of a step."""
    start = time.perf_counter()
    done = run(steps)
    return (time.perf_counter() - start) / done * 1e3


def _peak_mebibytes() -> float:
    """Return the most memory this process ever had."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main()
