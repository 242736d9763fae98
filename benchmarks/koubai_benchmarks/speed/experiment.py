"""The vanishing-gradient experiment from the shell: four arms, five seeds, 2000 updates each, on MNIST.

`python -m koubai_benchmarks.speed.experiment native 2` is koubai's side, `torch_experiment` PyTorch's. Both
evaluate 20 times a run: 2,000 training and all test samples. Their time is that of the whole process:
imports, reading of the data, training, evaluation.
"""

from __future__ import annotations

import atexit
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec

from koubai.words import say
from koubai_benchmarks import environment
from koubai_benchmarks.speed.conductor import Settings, Timing
from koubai_benchmarks.speed.peers.peer import Peer

EXPERIMENT = "vanishing-gradient"
ARMS = ("sigmoid + normal .01", "ReLU + normal .01", "sigmoid + Xavier", "ReLU + He")
SEEDS, STEPS, EVALUATIONS, EVALUATED_ROWS = 5, 2000, 20, 2000
_ROUNDS = 3  # a round takes many seconds


def main(arguments: Sequence[str]) -> None:
    """Run koubai's side: ENGINE and the number of worker threads (or processes for engines in Python)."""
    from dataclasses import replace

    from koubai.lab.campaign import run_experiment
    from koubai.lab.catalog import build
    from koubai.lab.declare.experiment import Observations
    from koubai.lab.perform.executors import process_workers, thread_workers

    engine, count = arguments[0], int(arguments[1])
    whole = build("vanishing_gradient", "mnist")
    experiment = replace(
        whole,
        arms=tuple(whole[name] for name in ARMS),
        seeds=tuple(range(SEEDS)),
        observations=Observations(taps=0, evaluations=EVALUATIONS, evaluate_rows=EVALUATED_ROWS),
    )
    open_workers = thread_workers if engine == "native" else process_workers
    with open_workers(count) as workers:
        result = run_experiment(experiment, workers, engine=engine)
    for arm in ARMS:
        scores = [run.scores["test_accuracy"] for run in result.runs if run.arm == arm]
        print(f"{arm:24s}", *(f"{score:.4f}" for score in scores))


def time_experiment(
    contenders: Sequence[Peer], settings: Settings, tell: Callable[[str], None]
) -> list[Timing]:
    """Time the experiment on koubai's engines and on PyTorch, in alternating rounds after one to warm up."""
    playing: list[tuple[Timing, list[str]]] = []
    for peer in contenders:
        command = _command(peer, settings.threads)
        if command is None:
            continue
        timing = Timing(peer.name, peer.ours)
        if find_spec(peer.package) is None:
            timing.absent = f"{peer.package} is not installed"
        playing.append((timing, command))
    for number in range(min(settings.rounds, _ROUNDS) + 1):
        for timing, command in playing:
            if timing.absent is None:
                key = "bench.progress.experiment" if number else "bench.progress.warm_up"
                tell(say(key, experiment=EXPERIMENT, engine=timing.engine, number=number))
                _play(timing, command, settings.patience, counts=number > 0)
    return [timing for timing, _ in playing]


def _command(peer: Peer, threads: int) -> list[str] | None:
    """Return the shell command of a contender; None for peers that are not compared here."""
    if peer.ours:
        return [sys.executable, "-m", "koubai_benchmarks.speed.experiment", peer.name, str(threads)]
    if peer.name == "torch-eager":
        return [sys.executable, "-m", "koubai_benchmarks.speed.torch_experiment", str(threads)]
    return None


def _play(timing: Timing, command: list[str], patience: float, *, counts: bool) -> None:
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        timing.absent = f"not done in {patience:g} s"
        return
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        timing.absent = lines[-1][:200] if lines else f"ended with status {done.returncode}"
    elif counts:
        timing.ms.append((time.perf_counter() - start) * 1e3)


if __name__ == "__main__":
    atexit.register(gc.freeze)  # as `koubai` does: nothing is to be collected at the end
    main(sys.argv[1:])
