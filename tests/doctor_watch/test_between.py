"""Between looks little is called, and all is known that would be if every event were heard by itself."""

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from koubai.doctor.watch.observe.between import Between
from koubai.doctor.watch.observe.model_listener import ModelListener
from koubai.doctor.watch.observe.updates import Updates
from koubai.doctor.watch.search import ModelSearch
from koubai.doctor.watch.seen.kept_samples import KeptSamples
from koubai.doctor.watch.watcher import Watch

STEPS = 150
LOOPS: dict[str, Callable] = {}


def loop(function):
    LOOPS[function.__name__] = function
    return function


def parts(rate=0.05):
    torch.manual_seed(0)
    x = torch.randn(16, 3)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    return model, torch.optim.SGD(model.parameters(), rate), x, (x.sum(1) > 0).long()


def pace(model, optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@loop
def ordinary(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer):
        for _ in range(STEPS):
            pace(model, optimizer, functional.cross_entropy(model(x), t))


@loop
def rates_that_change(watched):
    model, optimizer, x, t = parts()
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 + step // 20)
    with watched(model, optimizer):
        for _ in range(STEPS):
            pace(model, optimizer, functional.cross_entropy(model(x), t))
            schedule.step()


@loop
def a_rate_that_is_a_tensor(watched):
    model, optimizer, x, t = parts(torch.tensor(0.05))
    with watched(model, optimizer):
        for step in range(STEPS):
            pace(model, optimizer, functional.cross_entropy(model(x), t))
            optimizer.param_groups[0]["lr"].fill_(0.05 / (1 + step))


@loop
def several_batches_an_update(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer):
        for step in range(STEPS):
            for some, labels in zip(x.chunk(2 + step % 2), t.chunk(2 + step % 2), strict=True):
                functional.cross_entropy(model(some), labels).backward()
            optimizer.step()
            optimizer.zero_grad()


@loop
def updates_without_a_loss(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer):
        for step in range(STEPS):
            if step % 7:
                functional.cross_entropy(model(x), t).backward()
            optimizer.step()
            optimizer.zero_grad()


@loop
def gradients_that_are_given(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer):
        for step in range(STEPS):
            loss = functional.cross_entropy(model(x), t)
            if step % 5:
                pace(model, optimizer, loss)
                continue
            for p, gradient in zip(
                model.parameters(), torch.autograd.grad(loss, list(model.parameters())), strict=True
            ):
                p.grad = gradient
            optimizer.step()


@loop
def losses_of_every_row(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer):
        for step in range(STEPS):
            loss = functional.cross_entropy(model(x), t, reduction="none")
            optimizer.zero_grad()
            if step % 9 == 4:
                torch.autograd.backward([loss.mean(), loss.sum()])
            elif step % 9 == 8:
                loss.backward(torch.ones(16) / 16)
            else:
                loss.mean().backward()
            optimizer.step()


@loop
def evaluations(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer):
        for step in range(STEPS):
            model.train()
            pace(model, optimizer, functional.cross_entropy(model(x), t))
            if step % 10 == 3:
                model.eval()
                with torch.no_grad():
                    functional.cross_entropy(model(x), t)
            if step % 10 == 7:
                with torch.no_grad():
                    functional.cross_entropy(model(x), t)


@loop
def a_mode_that_is_forgotten(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer):
        for step in range(STEPS):
            if step == 90:
                model.eval()
            pace(model, optimizer, functional.cross_entropy(model(x), t))


@loop
def losses_that_are_told(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer) as watch:
        for step in range(STEPS):
            loss = functional.cross_entropy(model(x), t)
            if step % 4 == 0:
                watch.loss(loss)
            pace(model, optimizer, loss + 1)


@loop
def losses_that_are_scaled(watched):
    model, optimizer, x, t = parts()
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=30)
    with watched(model, optimizer):
        for step in range(STEPS):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), t)
            if step % 20 < 10:
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
            else:
                pace(model, optimizer, loss)


@loop
def an_optimizer_made_anew(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer):
        for step in range(STEPS):
            if step % 30 == 29:
                optimizer = torch.optim.SGD(model.parameters(), 0.05)
            pace(model, optimizer, functional.cross_entropy(model(x), t))


@loop
def an_optimizer_beside_it(watched):
    model, optimizer, x, t = parts()
    other = torch.optim.SGD(model[2].parameters(), 0.01)
    with watched(model, optimizer):
        for _ in range(STEPS):
            pace(model, optimizer, functional.cross_entropy(model(x), t))
            other.step()


@loop
def closures(watched):
    model, _, x, t = parts()
    optimizer = torch.optim.LBFGS(model.parameters(), 0.1, max_iter=4)

    def closure():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), t)
        loss.backward()
        return loss

    with watched(model, optimizer):
        for _ in range(STEPS):
            optimizer.step(closure)


@loop
def passes_that_fail(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer):
        for step in range(STEPS):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), t)
            if step % 11 == 5:
                loss.backward()
                with pytest.raises(RuntimeError):
                    loss.backward()
            else:
                loss.backward()
            optimizer.step()


@loop
def two_models(watched):
    model, optimizer, x, t = parts()
    other, others, _, _ = parts()
    with watched(model, optimizer):
        for step in range(STEPS):
            pace(model, optimizer, functional.cross_entropy(model(x), t))
            if step > 100:
                pace(other, others, functional.cross_entropy(other(x), t))


@loop
def a_look_in_the_midst(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer) as watch:
        for step in range(STEPS):
            pace(model, optimizer, functional.cross_entropy(model(x), t))
            if step in (77, 110):
                assert len(watch.patient().losses) == step + 1


@loop
def steps_in_a_step_of_another(watched):
    model, optimizer, x, t = parts()
    with watched(model, optimizer):
        for step in range(STEPS):
            optimizer.zero_grad()
            functional.cross_entropy(model(x), t).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            if step % 9 == 4:
                (model[0].weight.square().sum() * 1e-3).backward()
            optimizer.step()


def seen_in(run, every=40):
    """Return all that is known at the end, as plain values."""
    made = []

    def watched(model, optimizer):
        made.append(Watch(model, optimizer, every=every, budget=0))
        made[-1].seen.trained = KeptSamples(200)
        return made[-1]

    run(watched)
    seen = made[0].seen
    loop = {name: value for name, value in vars(seen.loop).items() if name != "_modes"}
    return {
        "history": [(e.step, e.path, e.quantity, e.value) for e in seen.record.history],
        "loop": {**loop, "_rise": vars(seen.loop._rise)},
        "counts": (seen.step, seen.backwards, seen.rates, seen.made, seen.hand),
        "passes": made[0].listener._interest._passes.passes,
        "kept": (seen.trained.rows, len(seen.loss.targets), seen.held.rows),
        "failure": seen.failure,
        "loss": (list(seen.loss.names), seen.loss.before, seen.loss.alone),
    }


@pytest.mark.parametrize("name", LOOPS)
def test_all_is_known_that_is_heard_step_by_step(name, monkeypatch):
    ordinary = []
    step = Between._step
    monkeypatch.setattr(Between, "_step", lambda *args: (ordinary.append(1), step(*args))[1])
    found = seen_in(LOOPS[name])
    assert ordinary or name in ("a_mode_that_is_forgotten",)
    monkeypatch.setattr(Between, "begin", lambda *_: None)
    expected = seen_in(LOOPS[name])
    for key, value in expected.items():
        assert str(found[key]) == str(value), key
    assert expected["failure"] is None


def test_between_looks_the_listener_itself_is_not_called(monkeypatch):
    counts = {}
    for name in (
        "before_forward",
        "after_forward",
        "before_backward",
        "after_backward",
        "before_step",
        "after_step",
    ):
        method = getattr(ModelListener, name)
        monkeypatch.setattr(
            ModelListener,
            name,
            lambda *args, method=method, name=name: (
                counts.update({name: counts.get(name, 0) + 1}),
                method(*args),
            )[1],
        )
    model, optimizer, x, t = parts()
    with Watch(model, optimizer, every=10**6, budget=0):
        for step in range(1000):
            if step == 600:
                counts.clear()
            pace(model, optimizer, functional.cross_entropy(model(x), t))
    assert sum(counts.values()) < 40, counts


def test_what_fails_between_looks_switches_the_watch_off(monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("deep inside")

    model, optimizer, x, t = parts()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with Watch(model, optimizer, every=10**6, budget=0) as watch:
            for step in range(200):
                if step == 144:
                    monkeypatch.setattr(Updates, "take_rate", fail)
                    optimizer.param_groups[0]["lr"] = 0.01
                pace(model, optimizer, functional.cross_entropy(model(x), t))
    assert watch.seen.failure == "ZeroDivisionError: deep inside"
    assert sum("deep inside" in str(warning.message) for warning in said) == 1
    assert len(watch.seen.record.history.series("loss")[0]) == 145


def test_a_loss_is_not_kept_alive_between_looks():
    model, optimizer, x, t = parts()
    with ModelSearch() as search:
        for _ in range(200):
            loss = functional.cross_entropy(model(x), t)
            pace(model, optimizer, loss)
        between = search.best.listener._between
        assert between._values
        assert all(isinstance(value, float) for value in between._values)
