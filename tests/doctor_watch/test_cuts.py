"""Numbers without gradient in what is differentiated: terms cut off, derivatives; and what looks alike."""

import pytest
import torch
from torch import nn
from torch.nn import functional as f

import koubai

NET = (4, 16, 3)


def net(seed, *sizes):
    torch.manual_seed(seed)
    first, hidden, last = sizes or NET
    return nn.Sequential(nn.Linear(first, hidden), nn.Tanh(), nn.Linear(hidden, last))


def named(loss_of, steps=12):
    """Train with a loss; return what of it is said to reach no parameter."""
    model, teacher = net(0), net(1)
    weights = nn.Embedding(20, 4)
    optimizer = torch.optim.Adam([*model.parameters(), *weights.parameters()], 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(steps):
            x = torch.randn(32, 4)
            optimizer.zero_grad()
            loss_of(model, teacher, x, weights).backward()
            optimizer.step()
    return [
        found.details["fault"] for found in watch.findings if found.name == "wrong_gradient" and found.alarm
    ]


def first(model, x):
    return f.mse_loss(model(x), x[:, :3])


def teacher_with_itself(model, teacher, x, _):
    with torch.no_grad():
        wanted = teacher(x)
    return first(model, x) + 0.5 * f.smooth_l1_loss(wanted, wanted * 0.9)


def detached_answers(model, teacher, x, _):
    loss = 0.1 * first(model, x)
    y = model(-x).detach()
    loss += (y + x[:, :3]).abs().mean()
    return loss


def asked_without_gradients(model, teacher, x, _):
    loss = first(model, x)
    with torch.no_grad():
        y = model(-x)
    return loss - nn.CosineSimilarity()(y, x[:, :3]).mean()


def slope(model, x, create_graph):
    x = x.clone().requires_grad_()
    y = model(x)
    return torch.autograd.grad(y.sum(), x, create_graph=create_graph, retain_graph=True)[0], y


def bare_slope(model, teacher, x, _):
    dy, y = slope(model, x, False)
    return (dy[:, :3] - 0.5 * y).square().mean() + first(model, x)


def bare_slope_as_target(model, teacher, x, _):
    dy, y = slope(model, x, False)
    return first(model, x) + (y + torch.sin(dy[:, :3])).abs().mean()


@pytest.mark.parametrize(
    ("loss", "fault"),
    [
        (teacher_with_itself, "term"),
        (detached_answers, "term"),
        (asked_without_gradients, "term"),
        (bare_slope, "derivative"),
        (bare_slope_as_target, "derivative"),
    ],
)
def test_what_reaches_no_parameter_is_named(loss, fault):
    assert named(loss) == [fault]


def metrics_that_are_printed(model, teacher, x, _):
    loss = first(model, x)
    told = loss.detach() + f.l1_loss(model(x).detach(), x[:, :3])
    assert not told.requires_grad
    return loss


def numbers_and_offsets(model, teacher, x, _):
    rows = torch.full((8,), 0.125)
    offset = f.kl_div(rows.log(), torch.softmax(torch.arange(8.0), 0), reduction="sum")
    return first(model, x) + 3.0 + offset


def penalty_of_zero(model, teacher, x, _):
    return first(model, x) + f.relu(model(x).detach().abs().mean() - 1e3)


def entropy_of_the_teacher(model, teacher, x, _):
    p = torch.softmax(teacher(x), 1).detach()
    entropy = -(p * p.log()).sum(1).mean()
    cross = -(p * torch.log_softmax(model(x), 1)).sum(1).mean()
    return cross - entropy


def weighed_by_its_own_answers(model, teacher, x, _):
    y = model(x)
    sure = y.detach().softmax(1).amax(1)
    return (sure * (y - x[:, :3]).square().mean(1)).mean() + 0.1 * first(model, x)


def straight_through(model, teacher, x, _):
    y = model(x)
    hard = y + (y.round() - y).detach()
    loss = f.mse_loss(hard, x[:, :3])
    return loss + (loss.sqrt() - loss).detach()


def whole_slope(model, teacher, x, _):
    dy, y = slope(model, x, True)
    return (dy[:, :3] - 0.5 * y).square().mean() + first(model, x)


def attacked_inputs(model, teacher, x, _):
    x = x.clone().requires_grad_()
    push = torch.autograd.grad(f.mse_loss(model(x), x[:, :3]), x)[0]
    return f.mse_loss(model(x + 0.05 * push.sign()), x[:, :3].detach())


def attacked_words(model, teacher, x, weights):
    words = weights(torch.randint(0, 20, (32,)))
    push = torch.autograd.grad(f.mse_loss(model(words), x[:, :3]), words, retain_graph=True)[0]
    return first(model, x) + f.mse_loss(model(words + 0.05 * push), x[:, :3])


def slope_of_the_teacher(model, teacher, x, _):
    dy, _ = slope(teacher, x, False)
    return (model(x) - dy[:, :3]).square().mean()


@pytest.mark.parametrize(
    "loss",
    [
        metrics_that_are_printed,
        numbers_and_offsets,
        penalty_of_zero,
        entropy_of_the_teacher,
        weighed_by_its_own_answers,
        straight_through,
        whole_slope,
        attacked_inputs,
        attacked_words,
        slope_of_the_teacher,
    ],
)
def test_what_is_meant_to_carry_no_gradient_is_not(loss):
    assert named(loss) == []
