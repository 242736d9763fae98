"""Several processes that share every batch against one: gradients, weights, taps, buffers, predictions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from koubai.core.errors import EngineError
from koubai.core.layer import Layer
from koubai.core.params import BufferSpec
from koubai.core.random import keep_mask
from koubai.data.augment import Flip, Mixup
from koubai.engines import Observation, compile_job
from koubai.engines.ranks import Ranks
from koubai.engines.torch.program import TorchProgram
from koubai.layers import Linear, Sequential
from koubai.network import Network
from koubai.optim import SGD
from koubai.optim.clipping import Clipping
from koubai.penalties import PENALTIES
from support.close import assert_close
from support.ranks import in_ranks
from support.torch_jobs import NETWORKS, batches, job

STEPS = 5


class Of(Ranks):
    """A number among others who are not there."""

    def __init__(self, rank, size):
        self.rank, self.size = rank, size


class Follows(Layer):
    """A layer without a lowering that keeps something of the batch."""

    def buffers(self, shape):
        return {"mean": BufferSpec(shape)}


def jobs():
    """What is trained: every network, then all that comes before and after the gradient."""
    pulls = tuple(PENALTIES[name]() for name in PENALTIES)
    return {
        **{name: job(name) for name in NETWORKS},
        "pulled": job("mlp", penalties=pulls, clipping=Clipping(norm=0.1), frozen=("4",)),
        "augmented": job("branches", augment=(Flip(), Mixup())),
        "odd shares": replace(job("batch norm"), batch_size=7),
        "float32": job("convnet", "float32", optimizer=SGD(1.0)),
    }


def trained(job, steps=STEPS):
    """Return all that a program shows of itself: losses, arrays, taps, and outputs of 5 rows."""
    program, taps = compile_job(job, "torch"), []
    rows = batches(steps)[:, : job.batch_size]
    losses = program.advance(rows, Observation(tap_every=2, first_until=1, units=True), taps.append)
    state = program.state()
    arrays = {**state.weights.params, **state.weights.buffers, **state.slots}
    sums = {
        (tap.step, path, role): np.concatenate([np.ravel(v) for v in vars(taken).values() if v is not None])
        for tap in taps
        for (path, role), taken in tap.moments.items()
    }
    return {"losses": losses, **arrays, **sums, "outputs": program.predict(job.x[:5])}


def work(ranks):
    return {
        name: trained(replace(one, ranks=ranks), 1 if name == "float32" else STEPS)
        for name, one in jobs().items()
    }


@pytest.mark.parametrize("size", [2, 4])
def test_ranks_are_one_process_within_rounding(size, tmp_path):
    results = in_ranks(size, work, tmp_path)
    for name, one in jobs().items():
        alone = trained(one, 1 if name == "float32" else STEPS)
        for found in (result[name] for result in results):
            assert found.keys() == alone.keys()
            for what, value in alone.items():
                # rounded some hundred times a step; data and weights are of size 1, and what cancels was
                scale = max(float(np.abs(value).max(initial=0)), 1.0)
                eps = np.finfo(one.dtype).eps
                assert_close(
                    found[what], value, terms=100 * STEPS, scale=scale, name=f"{name} {what}", eps=eps
                )
                assert np.array_equal(found[what], results[0][name][what]), "the ranks drift apart"


def test_a_share_of_a_mask_is_that_of_the_whole():
    whole = keep_mask(5, (7, 6), 0.4)
    parts = [keep_mask(5, (len(whole[mine]), 6), 0.4, mine.start * 6) for mine in shares(3)]
    assert (np.concatenate(parts) == whole).all()


def shares(size, n=7):
    return [Of(rank, size).rows(n) for rank in range(size)]


def test_shares_are_all_rows_once():
    for size in (1, 2, 3, 7):
        assert np.concatenate([np.arange(7)[mine] for mine in shares(size)]).tolist() == list(range(7))


def test_what_ranks_cannot_share_is_refused():
    with pytest.raises(EngineError, match="more processes than rows"):
        compile_job(replace(job("mlp"), ranks=Of(0, 9)))
    with pytest.raises(EngineError, match="engine trains in one process"):
        compile_job(replace(job("mlp"), ranks=Of(0, 2)), "native")
    with pytest.raises(EngineError, match="device trains in one process"):
        TorchProgram(replace(job("mlp"), ranks=Of(0, 2)), torch.device("mps"))
    network = Network(Sequential(Follows(), Linear(4)), (12,))
    with pytest.raises(EngineError, match="sees one process's rows"):
        compile_job(replace(job("mlp"), network=network, ranks=Of(0, 2)), "torch")
