"""What all callbacks share, without any framework."""

import pytest
import torch
from torch import nn

import koubai.callbacks
from koubai.callbacks.observer import Observer, needed
from koubai.core.errors import EngineError
from koubai.doctor.watch.hooks.wires import is_listening
from koubai.doctor.watch.search import ModelSearch


def train(rate, steps=100):
    torch.manual_seed(0)
    t = torch.randint(0, 3, (400,))
    x = torch.eye(4)[t] * 2 + torch.randn(400, 4)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), rate)
    for step in range(steps):
        rows = slice(step % 8 * 50, step % 8 * 50 + 50)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), t[rows]).backward()
        optimizer.step()


def test_it_tells_at_the_end_and_leaves_no_hook(capsys):
    seen = Observer()
    assert seen.verdict.name == "not_judged"
    seen.begin()
    train(0.3)
    seen.end()
    assert not is_listening()
    assert seen.watch.seen.step == 100
    assert "Healthy" in capsys.readouterr().err
    seen.end()
    assert not capsys.readouterr().err


def test_training_that_ends_with_an_error_is_never_healthy(capsys):
    seen = Observer(tell=False)
    seen.begin()
    train(0.3)
    seen.end(ValueError("no more"))
    assert seen.verdict.name == "not_judged"
    assert "no more" in seen.verdict.unseen[0].why("en")
    assert not capsys.readouterr().err


def test_under_the_doctor_it_does_nothing():
    search = ModelSearch()
    with search:
        seen = Observer()
        seen.begin()
        train(0.3, steps=3)
        seen.end()
    assert seen.watch is None
    assert search.best.seen.step == 3


def test_a_framework_that_is_missing_is_named():
    with pytest.raises(EngineError, match="pip install no-such-framework"):
        needed("no_such_framework", "no-such-framework")


def test_a_name_that_is_no_framework_is_refused():
    assert {"keras", "lightning", "transformers"} <= set(dir(koubai.callbacks))
    with pytest.raises(AttributeError):
        koubai.callbacks.no_such_framework  # noqa: B018
