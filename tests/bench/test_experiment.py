"""The experiment of the benchmark: what koubai trains in it; single programs of peers train the same runs."""

import numpy as np
import pytest
import torch

from koubai_benchmarks.speed import torch_grouped_experiment as grouped
from koubai_benchmarks.speed.conductor import Settings
from koubai_benchmarks.speed.experiment import ARMS, SEEDS, declared, time_experiment
from koubai_benchmarks.speed.machine import without_pins
from koubai_benchmarks.speed.peers.peer import Peer
from koubai_benchmarks.speed.side_by_side import ORDER, SIZES, initial

N = 6


def nothing(workload, threads):
    raise AssertionError("the experiment runs commands of its own")


def test_the_experiment_has_these_arms_and_claims_about_them():
    experiment = declared()
    assert tuple(arm.name for arm in experiment.arms) == ARMS
    assert len(experiment.seeds) == SEEDS
    assert [(claim.arm, claim.over) for claim in experiment.claims] == [
        ("ReLU + He", "sigmoid + normal .01")
    ] * 2


def test_a_side_that_fails_or_is_not_installed_is_named():
    contenders = [
        Peer("no such engine", "koubai", nothing, ours=True),
        Peer("sklearn-mlp", "koubai", nothing),
        Peer("jax-scan", "no_such_package", nothing),
    ]
    timings = time_experiment(contenders, Settings(threads=1, rounds=1, patience=60), lambda line: None)
    assert [timing.engine for timing in timings] == ["no such engine", "jax-batched"]
    assert timings[0].absent
    assert timings[1].absent == "no_such_package is not installed"


def test_no_side_has_what_holds_a_library_back(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    assert "OPENBLAS_CORETYPE" not in without_pins()
    seen = []

    def run(command, *, env, **more):
        seen.append(env)
        raise OSError("not run here")

    monkeypatch.setattr("koubai_benchmarks.speed.experiment.subprocess.run", run)
    with pytest.raises(OSError, match="not run here"):
        time_experiment(
            [Peer("native", "koubai", nothing, ours=True)], Settings(threads=1), lambda line: None
        )
    assert ["OPENBLAS_CORETYPE" in env for env in seen] == [False]


def batches():
    random = np.random.default_rng(5)
    x = random.random((SEEDS, N, SIZES[0]), np.float32)
    return x, random.integers(0, SIZES[-1], (SEEDS, N))


def alone(layers, seed, arm, x, t):
    """Loss and gradients of one run by itself."""
    units, run = SIZES[1], seed * len(ORDER) + arm
    own = slice(arm * units, arm * units + units)
    (W1, b1), *others = layers
    parts = [(W1[seed][:, own], b1[seed, 0, own]), *((W[run], b[run, 0]) for W, b in others)]
    parts = [tuple(torch.tensor(a, requires_grad=True) for a in part) for part in parts]
    h = torch.from_numpy(x[seed])
    for i, (W, b) in enumerate(parts):
        h = h @ W + b
        if i < 2:
            h = h.relu() if ORDER[arm].startswith("ReLU") else h.sigmoid()
    loss = torch.nn.functional.cross_entropy(h, torch.from_numpy(t[seed]))
    loss.backward()
    return h.detach().numpy(), loss.item(), [W.grad.numpy() for W, _ in parts]


def test_runs_side_by_side_are_those_runs():
    x, t = batches()
    start = [(W, b + np.float32(0.1)) for W, b in initial()]
    layers = [tuple(torch.tensor(a, requires_grad=True) for a in layer) for layer in start]
    y = grouped.outputs(layers, torch.from_numpy(x))
    loss = grouped.loss(y, torch.from_numpy(t))
    loss.backward()
    total = 0.0
    for run, (seed, arm) in enumerate(np.ndindex(SEEDS, len(ORDER))):
        expected, one, gradients = alone(start, seed, arm, x, t)
        total += one
        np.testing.assert_allclose(y[run].detach(), expected, rtol=1e-4, atol=1e-5)
        own = slice(arm * SIZES[1], (arm + 1) * SIZES[1])
        got = layers[0][0].grad[seed][:, own], layers[1][0].grad[run], layers[2][0].grad[run]
        for ours, theirs in zip(got, gradients, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)
    assert loss.item() == pytest.approx(total, rel=1e-5)


def test_jax_computes_what_pytorch_does():
    pytest.importorskip("jax")
    from koubai_benchmarks.speed import jax_batched_experiment as batched

    x, t = batches()
    y = grouped.outputs([tuple(map(torch.from_numpy, layer)) for layer in initial()], torch.from_numpy(x))
    got = batched.outputs(initial(), x)
    np.testing.assert_allclose(got, y, rtol=1e-4, atol=1e-5)
    loss = grouped.loss(y, torch.from_numpy(t)).item()
    assert float(batched.loss(got, t)) == pytest.approx(loss, rel=1e-5)
