"""Summands of a loss that have no lower bound; and sums that only look like it."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai
from koubai.doctor.watch.passes.sinks import sinks_of


def weights():
    return torch.linspace(-1, 1, 12).reshape(4, 3).requires_grad_()


@pytest.mark.parametrize(
    ("loss", "operation"),
    [
        (lambda w: -functional.mse_loss(w, torch.zeros(4, 3)), "MseLossBackward0"),
        (lambda w: w.sum() - 2 * (w * w).mean(), "MulBackward0"),
        (lambda w: 1 - w.exp().mean(), "ExpBackward0"),
        (lambda w: functional.log_softmax(w, 1)[:, 0].mean(), "LogSoftmaxBackward0"),
        (lambda w: (w - w.logsumexp(1, keepdim=True))[:, 0].mean(), "SubBackward0"),
        (lambda w: torch.log(torch.sigmoid(w) + 1e-8).mean(), "LogBackward0"),
        (lambda w: torch.distributions.Normal(0.0, 1.0).log_prob(w).mean(), "PowBackward0"),
        (lambda w: 0.5 * (1 + w - w.pow(2) - w.exp()).sum(), "PowBackward0"),
        (lambda w: functional.cross_entropy(w, torch.tensor([0, 1, 2, 0])).mul(-1), "NllLossBackward0"),
    ],
)
def test_a_term_with_the_wrong_sign(loss, operation):
    assert operation in sinks_of(loss(weights()))
    assert sinks_of(-loss(weights())) == ()


@pytest.mark.parametrize(
    "loss",
    [
        lambda w: (w.log_softmax(1) * w.softmax(1)).sum(),  # minus the entropy: a bonus for it
        lambda w: torch.log(w.pow(2) + 1).mean() + 1 / w.pow(2).mean(),  # a likelihood with its variance
        lambda w: (w.log_softmax(1) * torch.randn(4, 3)).mean(),  # weighed by returns
        lambda w: (1 - w.sigmoid()).pow(2).mean() - w.tanh().mean(),
        lambda w: torch.relu(1 - w.pow(2)).mean(),  # a margin
    ],
)
def test_terms_that_are_bounded_or_unknown(loss):
    assert sinks_of(loss(weights())) == ()


def flow(sign, steps=240):
    """A chain of scales and shifts that is fitted to points by their likelihood; return what is said."""
    torch.manual_seed(0)
    model = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    prior = torch.distributions.Normal(0.0, 1.0)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(steps):
            z = model(3 + 0.02 * torch.randn(64, 2))
            fits = prior.log_prob(z).sum(1) + torch.linalg.slogdet(model.weight)[1]
            loss = sign * fits.mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return [(f.name, f.details.get("fault")) for f in watch.findings if f.alarm]


def test_a_likelihood_that_is_minimized():
    assert flow(1)[0] == ("loss_without_bound", "sink")


@pytest.mark.parametrize("sign", [1, -1])
def test_likenesses_that_are_made_unlikely(sign):
    torch.manual_seed(0)
    model = nn.Linear(6, 4)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(60):
            x = torch.randn(32, 6)
            one, other = (functional.normalize(model(x + 0.1 * torch.randn(32, 6)), dim=1) for _ in "ab")
            loss = sign * functional.log_softmax(5 * one @ other.T, 1).diagonal().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    told = [f.details.get("fault") for f in watch.findings if f.name == "loss_without_bound"]
    assert told == (["sink"] if sign > 0 else [])


def test_a_likelihood_may_be_far_above_1():
    assert flow(-1) == []  # its loss ends below 0, too


def learn(*, detached, by_hand=False, apart=False):
    """A step of Q-learning on random states; return the faults that are told."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 2))
    answering = copy.deepcopy(model) if apart else model
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(40):
            s, after, r = torch.randn(32, 3), torch.randn(32, 3), torch.randn(32)
            chosen = torch.randint(0, 2, (32, 1))
            q = model(s).gather(1, chosen).squeeze(1)
            target = r + 0.9 * answering(after).max(1)[0] * (torch.rand(32) < 0.9).float()
            target = target.detach() if detached else target
            loss = (q - target).pow(2).mean() if by_hand else functional.smooth_l1_loss(q, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return [(f.name, f.details.get("fault")) for f in watch.findings if f.alarm]


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_target_that_has_a_gradient(by_hand):
    assert learn(detached=False, by_hand=by_hand)[0] == ("wrong_gradient", "target")
    assert ("wrong_gradient", "target") not in learn(detached=True, by_hand=by_hand)


def test_the_gradient_of_a_target_network_goes_nowhere():
    assert ("wrong_gradient", "target") not in learn(detached=False, apart=True)


@pytest.mark.parametrize(("scale", "named"), [(255.0, True), (1.0, False)])
def test_targets_beyond_those_of_a_binary_cross_entropy_are_told_before_what_follows(scale, named):
    torch.manual_seed(0)
    x = torch.randn(400, 1, 12, 12)
    t = scale * (functional.avg_pool2d(x, 3, 1, 1) > 0.1).float()
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 1))
    optimizer = torch.optim.RMSprop(model.parameters(), 1e-3, momentum=0.9)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(200):
            rows = torch.randint(0, 300, (16,))
            optimizer.zero_grad()
            functional.binary_cross_entropy_with_logits(model(x[rows]), t[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            functional.binary_cross_entropy_with_logits(model(x[300:]), t[300:])
    told = [(f.name, f.details.get("fault")) for f in watch.findings if f.alarm]
    assert told[:1] == ([("loss_without_bound", "targets")] if named else [])
    if named:
        assert (watch.findings[0].details["low"], watch.findings[0].details["high"]) == (0, 255)
