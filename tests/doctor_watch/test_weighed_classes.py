"""Losses that weigh classes: the right way round they are no fault, whatever the accuracy is."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai
from koubai.doctor.answer.tell import lines_of

N, HELD = 2400, 600


def drawn(rare, apart, seed, wide=5):
    torch.manual_seed(seed)
    t = (torch.rand(N + HELD) < rare).long()
    x = torch.randn(N + HELD, wide)
    x[:, 0] += apart * t
    return x, t


def binary(positive):
    def loss(y, t):
        return functional.binary_cross_entropy_with_logits(y[:, 0], t.float(), pos_weight=positive)

    return 1, loss


def of_classes(weights):
    return 2, nn.CrossEntropyLoss(weight=weights)


def by_hand(weights):
    def loss(y, t):
        return (weights[t] * functional.cross_entropy(y, t, reduction="none")).mean()

    return 2, loss


def watched(x, t, outputs, loss):
    model = nn.Sequential(nn.Linear(x.shape[1], 20), nn.Tanh(), nn.Linear(20, outputs))
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(8):
            for rows in torch.randperm(N).split(60):
                optimizer.zero_grad()
                loss(model(x[rows]), t[rows]).backward()
                optimizer.step()
        model.eval()
        with torch.no_grad():
            loss(model(x[N:]), t[N:])
    return watch


def alarms(watch):
    return [finding.name for finding in watch.findings if finding.alarm]


@pytest.mark.parametrize("rare", [0.06, 0.2])
@pytest.mark.parametrize("write", ["binary", "of_classes", "by_hand"])
def test_weights_that_favor_the_rare_class_are_no_fault(write, rare):
    x, t = drawn(rare, 1.8, 3)
    weights = torch.tensor([rare, 1 - rare])
    made = {"binary": binary(weights[1] / weights[0])}.get(write) or globals()[write](weights)
    watch = watched(x, t, *made)
    assert alarms(watch) == []
    assert watch.verdict.name == "healthy"


@pytest.mark.parametrize(
    ("rare", "apart", "made"),
    [
        (0.2, 1.3, binary(torch.tensor(0.25))),
        (0.2, 1.3, of_classes(torch.tensor([0.8, 0.2]))),
        (0.08, 1.6, binary(torch.tensor(0.08 / 0.92))),
    ],
)
def test_weights_the_wrong_way_round_are_named(rare, apart, made):
    watch = watched(*drawn(rare, apart, 4), *made)
    assert alarms(watch)[:1] == ["class_imbalance"]
    finding = watch.findings[0]
    assert finding.details["fault"] == "turned"
    assert finding.details["weight"] < finding.details["largest"]
    assert "wrong way round" in "".join(lines_of(finding, "en"))
    assert "大小が逆" in "".join(lines_of(finding, "ja"))


@pytest.mark.parametrize(
    ("rare", "apart", "made"),
    [
        (0.5, 1.6, binary(torch.tensor(0.4))),  # a false alarm is dear
        (0.2, 5.0, of_classes(torch.tensor([0.8, 0.2]))),  # it is found for all that
        (0.05, 0.7, of_classes(None)),  # clicks: hardly to be foreseen, and their share is what is wanted
    ],
)
def test_weights_and_rare_classes_that_do_no_harm_are_not_named(rare, apart, made):
    assert "class_imbalance" not in alarms(watched(*drawn(rare, apart, 5), *made))
