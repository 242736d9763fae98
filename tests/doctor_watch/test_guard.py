"""Whatever fails inside the watch, the user's training goes on as if nobody watched."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import koubai
from koubai.doctor.watch.hooks.guard import on_gradient
from koubai.doctor.watch.observe import model_listener, pace
from koubai.doctor.watch.observe.model_listener import ModelListener
from koubai.doctor.watch.passes import pass_recorder
from koubai.doctor.watch.passes.close_up import CloseUp
from koubai.doctor.watch.passes.pass_recorder import PassRecorder
from koubai.doctor.watch.search import ModelSearch
from koubai.doctor.watch.seen import seen_loss
from koubai.doctor.watch.seen.kept_samples import KeptSamples
from koubai.doctor.watch.seen.record import Record
from koubai.doctor.watch.watcher import Watch

STEPS = 6
BREAKABLE = {
    "before forward": (pace.Pace, "wants"),
    "in a layer": (pass_recorder, "unit_sums"),
    "in a function": (pass_recorder, "function_settings"),
    "at the loss": (seen_loss, "rule_of"),
    "at the targets": (KeptSamples, "see_targets"),
    "backward through a layer": (PassRecorder, "_receive"),
    "before backward": (model_listener, "have_gradients"),
    "after backward": (CloseUp, "take_gradients"),
    "after the step": (CloseUp, "finish"),
    "writing down": (Record, "flush"),
    "evaluating": (Record, "evaluate"),
}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.a, self.b = nn.Linear(5, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.b(torch.nn.functional.leaky_relu(self.a(x), 0.2))


def train(model, optimizer):
    generator = torch.Generator().manual_seed(0)
    criterion = nn.CrossEntropyLoss()
    for _ in range(STEPS):
        x, t = torch.randn(16, 5, generator=generator), torch.randint(0, 3, (16,), generator=generator)
        model.train()
        optimizer.zero_grad()
        criterion(model(x), t).backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            criterion(model(x), t)


def alone():
    model = Net()
    train(model, torch.optim.Adam(model.parameters(), 0.01))
    return model.state_dict()


def fail(*args, **options):
    raise ZeroDivisionError("deep inside")


@pytest.mark.parametrize("place", BREAKABLE)
def test_a_failing_hook_switches_the_watch_off_and_says_so_once(place, monkeypatch):
    expected = alone()
    monkeypatch.setattr(*BREAKABLE[place], fail)
    model = Net()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with Watch(model, every=1, budget=0) as watch:
            train(model, torch.optim.Adam(model.parameters(), 0.01))
    for name, w in expected.items():
        assert torch.equal(model.state_dict()[name], w), name
    assert [str(warning.message).count("deep inside") for warning in said] == [1]
    assert watch.seen.failure == "ZeroDivisionError: deep inside"
    assert sum("deep inside" in sentence for sentence in watch.scope) == 1


def test_warnings_as_errors_do_not_reach_the_training_either(monkeypatch):
    expected = alone()
    monkeypatch.setattr(CloseUp, "finish", fail)
    model = Net()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Watch(model, every=1, budget=0):
            train(model, torch.optim.Adam(model.parameters(), 0.01))
    for name, w in expected.items():
        assert torch.equal(model.state_dict()[name], w), name


def test_what_was_seen_before_the_failure_is_still_told_of_a_run_that_is_not_over(monkeypatch):
    model = Net()
    with warnings.catch_warnings(), Watch(model, every=1, budget=0) as watch:
        warnings.simplefilter("ignore")
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        train(model, optimizer)
        monkeypatch.setattr(CloseUp, "finish", fail)
        train(model, optimizer)
    patient = watch.patient()
    assert len(patient.losses) == STEPS + 1  # the step of the failure made its loss known
    assert not patient.finished


@pytest.mark.parametrize(
    ("owner", "place"), [(Watch, "__init__"), (ModelListener, "begin"), (ModelListener, "before_forward")]
)
def test_the_search_for_models_fails_alone_too(owner, place, monkeypatch):
    expected = alone()
    monkeypatch.setattr(owner, place, fail)
    model = Net()
    search = ModelSearch()
    with pytest.warns(RuntimeWarning, match="deep inside"), search:
        train(model, torch.optim.Adam(model.parameters(), 0.01))
    for name, w in expected.items():
        assert torch.equal(model.state_dict()[name], w), name


def test_lazy_modules_are_watched_or_left_alone():
    torch.manual_seed(0)
    model = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))
    x, t = torch.randn(64, 5), torch.randint(0, 3, (64,))
    with Watch(model, every=1, budget=0) as watch:
        model(x)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), t).backward()
            optimizer.step()
    assert watch.seen.failure is None
    assert watch.seen.step == 3
    assert watch.patient().losses.shape == (3,)


def test_what_a_model_remembers_is_its_own_again_after_it_was_asked():
    class Remembers(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.out = nn.GRU(3, 8, batch_first=True), nn.Linear(8, 1)
            self.state, self.lengths, self.calls = None, [], 0

        def forward(self, x):
            self.calls += 1
            self.lengths.append(len(x))
            y, self.state = self.cell(x)
            return self.out(y[:, -1])

    torch.manual_seed(0)
    model = Remembers()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with Watch(model, optimizer, budget=0) as watch:
        for step in range(40):
            x = torch.randn(16, 5, 3)
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), x.sum((1, 2))[:, None]).backward()
            optimizer.step()
            if step == 30:
                state = model.state
                assert watch.verdict is not None
                assert model.state is state
    assert watch.verdict is not None
    assert (model.calls, model.lengths) == (40, [16] * 40)


def test_what_is_asked_of_gradients_never_ends_the_backward_pass():
    """Half precision has no NumPy; whatever else may be wrong in a question."""
    asked = []

    def ask(known, gradient):
        asked.append(known)
        gradient.to(torch.bfloat16).numpy()

    x = torch.ones(3, requires_grad=True)
    y = 2 * x
    on_gradient(y, ask, "what is known")
    y.sum().backward()
    assert asked == ["what is known"]
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_every_hook_on_a_gradient_is_guarded():
    root = Path(koubai.__file__).parent / "doctor" / "watch"
    calls = [
        (path.name, line.strip())
        for path in sorted(root.rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if ".register_hook(" in line and path.name != "guard.py"
    ]
    assert calls
    assert [call for call in calls if "guard" not in call[1]] == []


def test_pairs_in_half_precision_are_told_apart_like_others():
    model = nn.Linear(6, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with ModelSearch() as search:
        for _ in range(STEPS):
            one, other = torch.randn(16, 6), torch.randn(16, 6)
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                (model(one) - model(other)).square().mean().backward()
            optimizer.step()
    assert search._pairs.any
