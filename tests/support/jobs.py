"""Jobs on data that nobody meant anything by, and what two engines make of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from koubai.engines import Job, compile_job
from koubai.losses import MeanSquaredError, SoftmaxCrossEntropy
from koubai.network import Network
from koubai.optim import SGD
from support.samples import spread


def classes_job(layer, shape, *, batch=20, samples=200, seed=0, scale=1.0, **fields):
    """A classification job on normal numbers; the class is that of the largest output at random."""
    network = Network(layer, shape)
    random = np.random.default_rng(seed)
    x = (scale * random.standard_normal((samples, *shape))).astype(np.float32)
    t = random.integers(0, network.out_shape[0], samples)
    fields = {"loss": SoftmaxCrossEntropy(), "optimizer": SGD(0.1), "seed": seed} | fields
    return Job(network=network, x=x, t=t, batch_size=batch, **fields)


def values_job(layer, shape, *, batch=3, **fields):
    """A regression job on numbers that are all different and not 0, so that no maximum is near a tie."""
    network = Network(layer, shape)
    x = spread((batch, *shape), "float32", seed=1)
    t = np.random.default_rng(2).standard_normal((batch, *network.out_shape)).astype(np.float32)
    fields = {"loss": MeanSquaredError(), "optimizer": SGD(1.0)} | fields
    return Job(network=network, x=x, t=t, batch_size=batch, **fields)


def batches(job, steps, seed=5):
    """Indices of some batches, the same for every engine."""
    return np.random.default_rng(seed).integers(0, len(job.x), (steps, job.batch_size))


def first_gradients(job, engine):
    """What SGD with rate 1 takes off each parameter in one step; and the loss."""
    program = compile_job(replace(job, optimizer=SGD(1.0)), engine)
    before = program.state().weights.params
    (loss,) = program.advance(np.arange(job.batch_size)[None])
    after = program.state().weights.params
    return loss, {path: before[path].astype(np.float64) - after[path] for path in before}
