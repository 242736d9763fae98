"""Evaluations that forget to leave training mode."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai
from koubai.doctor.answer.tell import lines_of

KINDS, WIDE, EACH, HELD = 5, 12, 60, 200


def samples(rows, seed):
    generator = torch.Generator().manual_seed(3)
    centers = 1.6 * torch.randn(KINDS, WIDE, generator=generator)
    torch.manual_seed(seed)
    t = torch.randint(KINDS, (rows,))
    return centers[t] + torch.randn(rows, WIDE), t


def with_dropout():
    return nn.Sequential(
        nn.Dropout(0.3), nn.Linear(WIDE, 24), nn.ReLU(), nn.Dropout(0.6), nn.Linear(24, KINDS)
    )


def plain():
    return nn.Sequential(nn.Linear(WIDE, 24), nn.ReLU(), nn.Linear(24, KINDS))


def with_norm():
    return nn.Sequential(nn.Linear(WIDE, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, KINDS))


class Dropping(nn.Module):
    """Dropout as a function, which is told the mode, or is not."""

    def __init__(self, *, knows):
        super().__init__()
        self.first, self.last, self.knows = nn.Linear(WIDE, 24), nn.Linear(24, KINDS), knows

    def forward(self, x):
        h = functional.relu(self.first(x))
        return self.last(functional.dropout(h, 0.6, training=self.training or not self.knows))


def rightly(model, x, t):
    return (model(x).argmax(1) == t).float().mean().item()


def in_training_mode(model, x, t):
    with torch.no_grad():
        return [rightly(model, x[i : i + 50], t[i : i + 50]) for i in range(0, len(x), 50)]


def in_inference_mode(model, x, t):
    with torch.inference_mode():
        return functional.cross_entropy(model(x), t).item()


def in_test_mode(model, x, t):
    model.eval()
    found = in_training_mode(model, x, t)
    model.train()
    return found


def many_times(model, x, t):
    with torch.no_grad():
        return (sum(model(x).softmax(1) for _ in range(8)).argmax(1) == t).float().mean().item()


def drawn_in_rounds(model, x, t):
    return [in_training_mode(model, x, t) for _ in range(6)]


def watched(make, evaluate, *, of_training=False, epochs=12):
    (x, t), (x_held, t_held) = samples(EACH * KINDS, 1), samples(HELD, 2)
    asked = (x, t) if of_training else (x_held, t_held)
    torch.manual_seed(0)
    model = make()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(30):
                optimizer.zero_grad()
                functional.cross_entropy(model(x[rows]), t[rows]).backward()
                optimizer.step()
            evaluate(model, *asked)
    return watch


def told(watch):
    return [(f.name, f.severity) for f in watch.findings if f.name == "evaluated_in_training_mode"]


@pytest.mark.parametrize("evaluate", [in_training_mode, in_inference_mode])
def test_dropout_that_stays_on_is_named_with_both_losses(evaluate):
    watch = watched(with_dropout, evaluate)
    assert [f.name for f in watch.findings if f.alarm] == ["evaluated_in_training_mode"]
    finding = watch.findings[0]
    assert finding.details["before"] > 1.2 * finding.details["after"]
    assert "model.eval()" in "".join(lines_of(finding, "en"))
    assert "評価モード" in "".join(lines_of(finding, "ja"))


def test_the_last_evaluation_is_heard_although_nobody_listens_to_the_training_any_more():
    def last_alone(model, x, t):
        last_alone.calls += 1
        return in_training_mode(model, x, t) if last_alone.calls == 130 else None

    last_alone.calls = 0
    assert told(watched(with_dropout, last_alone, epochs=130)) == [("evaluated_in_training_mode", "warn")]


@pytest.mark.parametrize("evaluate", [in_test_mode, many_times, drawn_in_rounds])
def test_test_mode_and_answers_that_are_drawn_on_purpose_are_not_named(evaluate):
    assert not told(watched(with_dropout, evaluate))


def test_a_network_without_modes_and_samples_of_training_are_not_named():
    assert not told(watched(plain, in_training_mode))
    assert not told(watched(with_dropout, in_training_mode, of_training=True))


def test_a_mode_that_costs_nothing_is_information():
    assert told(watched(with_norm, in_training_mode)) == [("evaluated_in_training_mode", "info")]


def many_times_in_test_mode(model, x, t):
    model.eval()
    many_times(model, x, t)
    model.train()


def test_dropout_that_is_not_told_the_mode_is_named_in_test_mode():
    watch = watched(lambda: Dropping(knows=False), in_test_mode)
    (finding,) = (f for f in watch.findings if f.name == "evaluated_in_training_mode")
    assert (finding.severity, finding.details["fault"]) == ("warn", "functions")
    assert finding.details["before"] > 1.2 * finding.details["after"]
    assert "training=self.training" in "".join(lines_of(finding, "en"))
    assert not told(watched(lambda: Dropping(knows=True), in_test_mode))


def test_dropout_that_is_drawn_on_purpose_in_test_mode_is_not_named():
    assert not told(watched(lambda: Dropping(knows=False), many_times_in_test_mode))


def loss_then_accuracy(model, x, t):
    model.eval()
    with torch.no_grad():
        batches = [(x[i : i + 50], t[i : i + 50]) for i in range(0, len(x), 50)]
        losses = [functional.cross_entropy(model(rows), of).item() for rows, of in batches]
        right = [rightly(model, rows, of) for rows, of in batches]
    model.train()
    return losses, right


def loss_then_accuracy_in_training_mode(model, x, t):
    with torch.no_grad():
        return functional.cross_entropy(model(x), t).item(), rightly(model, x, t)


def test_who_asks_once_for_a_loss_and_once_for_an_accuracy_draws_nothing_on_purpose():
    assert told(watched(lambda: Dropping(knows=False), loss_then_accuracy)) == [
        ("evaluated_in_training_mode", "warn")
    ]
    assert told(watched(with_dropout, loss_then_accuracy_in_training_mode)) == [
        ("evaluated_in_training_mode", "warn")
    ]
    assert not told(watched(with_dropout, loss_then_accuracy))
