"""Penalties that a program adds to its loss itself."""

import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai
from koubai.doctor.answer.tell import lines_of
from koubai.doctor.watch.passes.penalties import Penalties

WIDE, KINDS = 10, 4


def absolute(model):
    return sum(w.abs().sum() for w in model.parameters())


def squares(model):
    return sum((w**2).sum() for name, w in model.named_parameters() if "weight" in name)


def norms(model):
    return torch.stack([torch.linalg.vector_norm(w) for w in model.parameters()]).sum()


def all_in_one(model):
    return torch.cat([w.view(-1) for w in model.parameters()]).norm(2) ** 2


def pull_of(loss, model):
    penalties = Penalties()
    penalties.look(loss, 0, model)
    loss.backward()
    penalties.measure(model)
    return penalties.pulls


def data(seed=0, rows=400):
    torch.manual_seed(seed)
    centers = torch.randn(KINDS, WIDE)
    t = torch.randint(KINDS, (rows,))
    return centers[t] + 0.6 * torch.randn(rows, WIDE), t


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(WIDE, 20), nn.Tanh(), nn.Linear(20, KINDS))


@pytest.mark.parametrize("penalty", [absolute, squares, norms, all_in_one])
def test_both_forces_are_those_of_two_backward_passes(penalty):
    (x, t), model = data(), network()
    (pull,) = pull_of(functional.cross_entropy(model(x), t) + 0.3 * penalty(model), model)
    forces = []
    for part in (0.3 * penalty(model), functional.cross_entropy(model(x), t)):
        gradients = torch.autograd.grad(part, list(model.parameters()), allow_unused=True)
        forces.append(torch.cat([g.flatten() for g in gradients if g is not None]).norm().item())
    assert [pull.penalty, pull.data] == pytest.approx(forces, rel=1e-4)


def test_what_data_have_gone_into_is_no_penalty():
    (x, t), model = data(), network()
    table = nn.Parameter(torch.randn(30, 3))
    rows, factors = torch.randint(30, (50,)), torch.randn(20, WIDE)
    loss = functional.cross_entropy(model(x), t)
    assert not pull_of(loss, model)
    assert not pull_of(functional.cross_entropy(model(x), t) + (table[rows] ** 2).sum(), model)
    assert not pull_of(functional.cross_entropy(model(x), t) + (model[0].weight * factors).abs().sum(), model)
    assert not pull_of((model[0].weight ** 2).sum() + model[2].weight.abs().sum(), model)


def watched(penalty, factor, make=torch.optim.Adam, rate=0.01):
    (x, t), model = data(), network()
    optimizer = make(model.parameters(), rate)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(10):
            for rows in torch.randperm(len(x)).split(40):
                optimizer.zero_grad()
                loss = functional.cross_entropy(model(x[rows]), t[rows]) + factor * penalty(model)
                loss.backward()
                optimizer.step()
    return watch


@pytest.mark.parametrize(("penalty", "factor"), [(absolute, 0.5), (squares, 1.0)])
@pytest.mark.parametrize(("make", "rate"), [(torch.optim.Adam, 0.01), (torch.optim.SGD, 0.05)])
def test_a_penalty_that_outweighs_the_data_is_named(penalty, factor, make, rate):
    findings = [f for f in watched(penalty, factor, make, rate).findings if f.alarm]
    assert [(f.name, f.details.get("fault")) for f in findings] == [("over_regularized", "by_hand")]
    assert "factor" in "".join(lines_of(findings[0], "en"))
    assert "係数" in "".join(lines_of(findings[0], "ja"))


@pytest.mark.parametrize(("penalty", "factor"), [(absolute, 1e-4), (squares, 1e-3), (norms, 1e-3)])
def test_a_penalty_that_lets_the_data_speak_is_not_named(penalty, factor):
    assert not [f for f in watched(penalty, factor).findings if f.alarm]


def test_no_graph_outlives_its_step():
    (x, t), model = data(), network()
    penalty = absolute(model)
    alive, penalties = weakref.ref(penalty), Penalties()
    node = penalty.grad_fn
    marker = type("Marker", (), {"__call__": lambda self, *_: None})()
    node.register_hook(marker)
    lives = weakref.ref(marker)
    loss = functional.cross_entropy(model(x), t) + 0.1 * penalty
    penalties.look(loss, 0, model)
    loss.backward()
    penalties.measure(model)
    assert penalties.pulls
    del penalty, node, marker, loss
    assert alive() is None
    assert lives() is None
