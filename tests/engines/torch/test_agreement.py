"""The torch engine against the reference: gradients of the first step, twenty losses, taps, state."""

import numpy as np
import pytest

from koubai.engines import Observation, compile_job
from koubai.optim import SGD
from support.torch_jobs import NETWORKS, batches, job


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_first_gradients_agree(name, dtype):
    states = []
    for engine in ("reference", "torch"):
        program = compile_job(job(name, dtype, optimizer=SGD(1.0)), engine)
        before = program.state().weights.params
        program.advance(batches(1))
        after = program.state().weights
        states.append(({path: before[path] - w for path, w in after.params.items()}, after.buffers))
    (reference, kept), (ours, ours_kept) = states
    scale = max(float(np.abs(g).max()) for g in reference.values())
    for path, g in reference.items():
        np.testing.assert_allclose(ours[path], g, rtol=0, atol=64 * np.finfo(dtype).eps * scale, err_msg=path)
    for path, w in kept.items():
        np.testing.assert_allclose(ours_kept[path], w, rtol=64 * np.finfo(dtype).eps, atol=1e-6, err_msg=path)


@pytest.mark.parametrize("name", NETWORKS)
def test_twenty_losses_and_predictions_agree(name):
    programs = [compile_job(job(name), engine) for engine in ("reference", "torch")]
    losses = [program.advance(batches(20)) for program in programs]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-9)
    outputs = [program.predict(job(name).x[:7]) for program in programs]
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("name", NETWORKS)
def test_taps_agree(name):
    records = []
    for engine in ("reference", "torch"):
        taken = []
        compile_job(job(name), engine).advance(
            batches(3), Observation(tap_every=3, first_until=1, units=True), taken.append
        )
        records.append(taken)
    assert [tap.step for tap in records[1]] == [1, 3]
    for reference, ours in zip(*records, strict=True):
        assert ours.moments.keys() == reference.moments.keys()
        for tapped, sums in reference.moments.items():
            theirs = ours.moments[tapped]
            assert (theirs.count, theirs.nonfinite) == (sums.count, sums.nonfinite)
            assert type(theirs) is type(sums)
            for quantity in {"total_abs", "total_square"} & vars(sums).keys():
                assert getattr(theirs, quantity) == pytest.approx(
                    getattr(sums, quantity), rel=1e-9, abs=1e-12
                ), tapped
            if tapped[1] != "activation":
                continue
            assert theirs.total == pytest.approx(
                sums.total, abs=1e-9 * (sums.norm * sums.count**0.5 + 1e-3)
            ), tapped
            assert theirs.zeros == sums.zeros, tapped
            if sums.units is not None:
                np.testing.assert_allclose(theirs.units, sums.units, rtol=1e-9, atol=1e-9)
