"""koubai's own engines; they draw and gather a random batch for every step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from koubai.data.sampler import Sampler
from koubai.engines.choose import compile_job, engines, kernels_of
from koubai.engines.engine import Job
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from koubai_benchmarks.speed.peers.peer import Peer, Runner, blas_of_numpy
from koubai_benchmarks.speed.workload import Workload


def _job(workload: Workload, threads: int) -> Job:
    x, t = workload.data(workload.samples)
    return Job(
        network=workload.network,
        loss=SoftmaxCrossEntropy(),
        optimizer=workload.optimizer,
        x=x,
        t=t,
        batch_size=workload.batch_size,
        precision=workload.precision,
        threads=threads,
    )


def _engine(name: str) -> Peer:
    listing = ""

    def prepare(workload: Workload, threads: int) -> Runner:
        nonlocal listing
        program = compile_job(_job(workload, threads), name)
        listing = program.listing()
        sampler = Sampler(workload.samples, workload.batch_size, seed=0)
        done = 0

        def run(steps: int) -> int:
            nonlocal done
            losses = program.advance(sampler.batches(done, steps))
            done += len(losses)
            if not np.isfinite(losses).all():  # an engine stops there, so its time would mean nothing
                raise FloatingPointError(f"{workload.name}: the loss is not finite after {done} steps")
            return steps

        return run

    def kernels() -> str:
        return kernels_of(name) or blas_of_numpy()

    def transforms() -> bool:
        return "jit_wino" in listing  # oneDNN's own name of its code

    def refuses(workload: Workload) -> str | None:
        mixed = workload.precision != "float32"
        return "computes in float32 only" if mixed and name == "reference" else None

    peer = Peer(name, "koubai", prepare, refuses, ours=True, by_default=name == "native")
    return replace(peer, kernels=kernels, transforms=transforms)


PEERS = tuple(_engine(name) for name in engines())
