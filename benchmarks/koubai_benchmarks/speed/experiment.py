"""The vanishing-gradient experiment from the shell: four arms, five seeds, 2000 updates each, on MNIST.

`python -m koubai_benchmarks.speed.experiment native 2` is koubai's side, `torch_experiment` PyTorch as usual;
`torch_grouped_experiment` and `jax_batched_experiment` train all runs as one program. All evaluate 20 times a
run: 2,000 training and all test samples. Their time is that of the whole process: imports, reading of the
data, training, evaluation.
"""

from __future__ import annotations

import atexit
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from koubai.words import say
from koubai_benchmarks.speed.conductor import Settings, Timing
from koubai_benchmarks.speed.machine import without_pins
from koubai_benchmarks.speed.peers.peer import Peer

if TYPE_CHECKING:  # a side that is not koubai's loads none of it
    from koubai.lab.declare.experiment import Experiment

EXPERIMENT = "vanishing-gradient"
ARMS = ("sigmoid + normal .01", "ReLU + normal .01", "sigmoid + Xavier", "ReLU + He")
SEEDS, STEPS, EVALUATIONS, EVALUATED_ROWS = 5, 2000, 20, 2000
_ROUNDS = 3  # a round takes many seconds
_SIDES = {
    "torch-eager": (("torch-eager", "torch_experiment"), ("torch-grouped", "torch_grouped_experiment")),
    "jax-scan": (("jax-batched", "jax_batched_experiment"),),
}
"""What stands for a peer here: names in the table, modules."""


def declared() -> Experiment:
    """Return the experiment, with the claims that are about its arms."""
    from koubai.lab.catalog import catalog_experiment
    from koubai.lab.declare.experiment import Observations

    whole = catalog_experiment("vanishing_gradient", "mnist")
    return replace(
        whole,
        arms=tuple(whole[name] for name in ARMS),
        claims=tuple(claim for claim in whole.claims if {claim.arm, claim.over} <= {*ARMS, None}),
        seeds=tuple(range(SEEDS)),
        observations=Observations(taps=0, evaluations=EVALUATIONS, evaluate_rows=EVALUATED_ROWS),
    )


def main(arguments: Sequence[str]) -> None:
    """Run koubai's side: ENGINE and the number of worker threads (or processes for engines in Python)."""
    from koubai.lab.campaign import run_experiment
    from koubai.lab.perform.executors import process_workers, thread_workers

    engine, count = arguments[0], int(arguments[1])
    open_workers = thread_workers if engine == "native" else process_workers
    with open_workers(count) as workers:
        result = run_experiment(declared(), workers, engine=engine)
    for arm in ARMS:
        scores = [run.scores["test_accuracy"] for run in result.runs if run.arm == arm]
        print(f"{arm:24s}", *(f"{score:.4f}" for score in scores))


def time_experiment(
    contenders: Sequence[Peer], settings: Settings, tell: Callable[[str], None]
) -> list[Timing]:
    """Time the experiment on koubai's engines and on peers, in alternating rounds after one to warm up."""
    playing: list[tuple[Timing, list[str]]] = []
    for peer in contenders:
        absent = None if find_spec(peer.package) else f"{peer.package} is not installed"
        for name, command in _commands(peer, settings.threads):
            playing.append((Timing(name, peer.ours, absent=absent), command))
    for number in range(min(settings.rounds, _ROUNDS) + 1):
        for timing, command in playing:
            if timing.absent is None:
                key = "bench.progress.experiment" if number else "bench.progress.warm_up"
                tell(say(key, experiment=EXPERIMENT, engine=timing.engine, number=number))
                _play(timing, command, settings.patience, counts=number > 0)
    return [timing for timing, _ in playing]


def _commands(peer: Peer, threads: int) -> list[tuple[str, list[str]]]:
    """Return what a contender plays here: names and shell commands; nothing for peers not compared here."""
    run, module = [sys.executable, "-m"], "koubai_benchmarks.speed."
    if peer.ours:
        return [(peer.name, [*run, f"{module}experiment", peer.name, str(threads)])]
    return [(name, [*run, module + file, str(threads)]) for name, file in _SIDES.get(peer.name, ())]


def _play(timing: Timing, command: list[str], patience: float, *, counts: bool) -> None:
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command, env=without_pins(), capture_output=True, text=True, timeout=patience, check=False
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
