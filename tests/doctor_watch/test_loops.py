"""Faults that only a loop written by hand can have, each beside the sound loop that looks like it."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from koubai.doctor.answer.tell import advice, tell
from koubai.doctor.watch.watcher import Watch

CLASSES = 3


def samples(n=256, seed=3):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 6, generator=generator)
    return x, (x[:, 0] * 2 + x[:, 1]).long().clamp(-1, 1) + 1


def mlp(*last, width=16):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Linear(width, CLASSES), *last)


def run(model, optimizer, steps=120, *, loss_fn=functional.cross_entropy, x=None, t=None, **loop):
    """Train with or without each of the things a loop does; return the watch."""
    if x is None:
        x, t = samples()
    with Watch(model, loop.get("given", optimizer), budget=0, every=5) as watch:
        for step in range(steps):
            rows = torch.arange(step * 32, step * 32 + 32) % len(x)
            if loop.get("reset", True):
                optimizer.zero_grad()
            loss = loss_fn(model(x[rows]), t[rows])
            (loss * loop.get("factor", 1)).backward()
            if loop.get("step", True):
                optimizer.step()
            if (after := loop.get("after")) is not None:
                after(step)
    return watch


def names(watch):
    return [finding.name for finding in watch.findings]


def fault(watch):
    return watch.findings[0].details.get("fault")


def sgd(model, rate=0.1):
    return torch.optim.SGD(model.parameters(), rate)


def test_the_same_loop_without_a_fault_is_silent():
    model = mlp()
    assert names(run(model, sgd(model, 0.5))) == []


def test_gradients_that_are_never_reset():
    model = mlp()
    watch = run(model, sgd(model), reset=False)
    assert names(watch)[0] == "gradients_not_reset"
    assert watch.findings[0].first_step == 2
    assert "zero_grad" in tell(watch.findings)


@pytest.mark.parametrize("own", [True, False])
def test_gradients_that_nobody_uses_may_pile_up(own):
    """A trunk that the optimizer does not hold: its `zero_grad` leaves the trunk's gradients alone."""
    model = mlp()
    optimizer = torch.optim.SGD(model[2].parameters(), 0.5)
    watch = run(model, optimizer, given=optimizer if own else None)
    assert "gradients_not_reset" not in names(watch)
    assert not watch.seen.loop.stale


def test_gradients_that_are_put_in_by_hand_are_no_sum():
    model, (x, t) = mlp(), samples()
    optimizer = sgd(model, 0.5)
    with Watch(model, optimizer, budget=0, every=5) as watch:
        for _ in range(100):
            loss = functional.cross_entropy(model(x), t)
            for p, g in zip(
                model.parameters(), torch.autograd.grad(loss, list(model.parameters())), strict=True
            ):
                p.grad = g
            optimizer.step()
    assert not watch.seen.loop.stale


def test_a_step_that_is_never_made():
    model = mlp()
    watch = run(model, sgd(model), step=False)
    assert names(watch) == ["not_training"]
    assert fault(watch) == "no_step"
    assert "optimizer.step()" in advice(watch.findings[0])
    assert all("step()" not in sentence for sentence in watch.scope)


def test_weights_that_the_user_changes_himself_do_train():
    model = mlp()

    def descend(step):
        with torch.no_grad():
            for p in model.parameters():
                p.sub_(0.1 * p.grad)

    watch = run(model, sgd(model), step=False, after=descend)
    assert names(watch) == []


@pytest.mark.parametrize("given", [True, False])
def test_an_optimizer_of_another_model(given):
    model, other = mlp(), mlp()
    optimizer = sgd(other)
    watch = run(model, optimizer, given=optimizer if given else None)
    assert names(watch)[0] == "not_training"
    assert fault(watch) == "elsewhere"


class Kept(nn.Module):
    """A hidden layer in a container, plain or PyTorch's."""

    def __init__(self, container, width):
        super().__init__()
        torch.manual_seed(1)
        self.hidden = container([nn.Sequential(nn.Linear(6, width), nn.Tanh())])
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x):
        for layer in self.hidden:
            x = layer(x)
        return self.head(x)


@pytest.mark.parametrize("container", [list, tuple, lambda layers: [dict(enumerate(layers))]])
def test_layers_in_a_plain_list_are_never_updated(container):
    model = Kept(container, 1)
    if isinstance(model.hidden[0], dict):
        inner = model.hidden
        model.forward = lambda x: model.head(inner[0][0](x))
    watch = run(model, sgd(model, 0.5))
    assert (names(watch)[0], fault(watch)) == ("not_training", "unlisted")
    assert "hidden[0]" in tell(watch.findings)
    assert "nn.ModuleList" in advice(watch.findings[0])


def test_a_module_list_is_trained_and_random_features_that_do_well_are_no_alarm():
    learned = run(model := Kept(nn.ModuleList, 16), sgd(model, 0.5))
    assert "not_training" not in [finding.name for finding in learned.findings]
    random = run(model := Kept(list, 100), sgd(model))
    assert [(f.name, f.severity) for f in random.findings] == [("not_training", "info")]


def test_a_teacher_in_a_list_that_is_given_no_gradient_is_none_of_it():
    model = mlp()
    model.teacher = [mlp()]
    assert "not_training" not in [finding.name for finding in run(model, sgd(model, 0.5)).findings]


def test_parameters_of_a_second_optimizer_are_trained_although_only_one_is_known():
    model = mlp()
    head = torch.optim.SGD(model[2].parameters(), 0.5)
    trunk = torch.optim.SGD(model[0].parameters(), 0.5)
    watch = run(model, head, after=lambda step: (trunk.step(), trunk.zero_grad()))
    assert watch.patient().untrained == ()
    assert names(watch) == []


class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.inner, self.norm, self.out = nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Linear(16, CLASSES)

    def forward(self, x):
        return self.out(functional.relu(self.norm(self.inner(x))))


@pytest.mark.parametrize("since", [1, 41])
def test_training_in_test_mode_is_named_since_its_first_step(since):
    model, (x, t) = Norms(), samples()
    if since == 1:
        model.eval()

    def evaluate(step):
        if step == since - 2:
            model.eval()
            with torch.no_grad():
                functional.cross_entropy(model(x), t)

    watch = run(model, sgd(model, 0.5), after=evaluate)
    assert names(watch)[0] == "trained_in_test_mode"
    assert watch.findings[0].first_step == since
    assert watch.findings[0].severity == "warn"
    assert watch.seen.trained.samples() is not None  # the samples are seen in that mode too


def test_a_pretrained_network_may_stay_in_test_mode():
    model, (x, _) = Norms(), samples()
    model(x)
    model.eval()
    watch = run(model, sgd(model, 0.5))
    assert [(f.name, f.severity) for f in watch.findings] == [("trained_in_test_mode", "info")]


def test_evaluations_between_the_epochs_are_no_training_in_test_mode():
    model, (x, t) = Norms(), samples()

    def evaluate(step):
        if step % 20 == 0:
            model.eval()
            functional.cross_entropy(model(x), t)  # with its graph: `no_grad` is forgotten often
            model.train()

    watch = run(model, sgd(model, 0.5), after=evaluate)
    assert names(watch) == []
    assert watch.seen.loop.test_mode is None


def test_targets_of_another_shape():
    x, _ = samples()
    t = x[:, 0] - x[:, 1]
    for targets, expected in ((t, "crossed"), (t[:, None], None)):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch warns of it too
            watch = run(model, sgd(model), loss_fn=nn.MSELoss(), x=x, t=targets)
        if expected is None:
            assert names(watch) == []
        else:
            assert names(watch)[0] == "output_loss_mismatch"
            assert fault(watch) == expected
            assert "(32, 1)" in tell(watch.findings)
            assert "(32,)" in tell(watch.findings)
            assert watch.findings[0].remedies == ()


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (nn.LogSoftmax(1), None),
        (nn.LogSoftmax(0), "over_samples"),
        (nn.Identity(), "not_log_probabilities"),
    ],
)
def test_numbers_that_are_no_log_probabilities(last, expected):
    model = mlp(last)
    watch = run(model, sgd(model, 0.5), loss_fn=functional.nll_loss)
    if expected is None:
        assert names(watch) == []
    else:
        assert names(watch)[0] == "output_loss_mismatch"
        assert fault(watch) == expected
        assert "CrossEntropyLoss" in advice(watch.findings[0])


def test_a_loss_that_is_maximized():
    model = mlp()
    watch = run(model, sgd(model), factor=-1)
    assert names(watch)[0] == "loss_without_bound"
    assert fault(watch) == "ascends"


def test_a_loss_by_hand_without_its_minus():
    model = mlp()

    def likelihood(y, t):
        return functional.log_softmax(y, 1)[torch.arange(len(t)), t].mean()

    watch = run(model, sgd(model, 1.0), steps=300, loss_fn=likelihood)
    assert names(watch)[0] == "loss_without_bound"


def test_gaps_in_the_data():
    x, t = samples()
    x[5, 2] = float("nan")
    model = mlp()
    watch = run(model, sgd(model), x=x, t=t)
    assert names(watch) == ["data_not_finite"]
    assert watch.findings[0].details["first"] == 2


class Filling(nn.Sequential):
    def forward(self, x):
        return super().forward(torch.nan_to_num(x))


@pytest.mark.parametrize(("scaled", "expected"), [(False, ["targets_not_scaled"]), (True, [])])
def test_prices_as_targets(scaled, expected):
    x, _ = samples(600)
    t = 2e5 + 8e4 * (x[:, :1] - 0.5 * x[:, 1:2])
    t = (t - t.mean()) / t.std() if scaled else t
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
    watch = run(
        model, torch.optim.Adam(model.parameters(), 0.003), 400, loss_fn=functional.mse_loss, x=x, t=t
    )
    assert names(watch) == expected


def test_gaps_that_the_network_fills_are_none():
    x, t = samples()
    x[5, 2] = float("nan")
    model = Filling(*mlp())
    assert names(run(model, sgd(model, 0.5), x=x, t=t)) == []


class Reused(nn.Module):
    """One ReLU for all layers, as most people write it; its layers differ in width."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(6, 12), nn.Linear(12, 20)
        self.out, self.relu = nn.Linear(20, CLASSES), nn.ReLU()

    def forward(self, x):
        return self.out(self.relu(self.second(self.relu(self.first(x)))))


def test_what_clipping_does_to_the_gradients_of_this_model_is_noted_and_nothing_else_is():
    torch.manual_seed(0)
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    x, t = torch.randn(16, 3), torch.randint(0, 2, (16,))
    lengths = []
    with Watch(model, optimizer, budget=0) as watch:
        for most in (0.1, 0.01, 1e6, 0.1):
            optimizer.zero_grad()
            (functional.cross_entropy(model(x), t) + functional.cross_entropy(other(x), t)).backward()
            nn.utils.clip_grad_norm_(other.parameters(), 1e-9)
            lengths.append(float(nn.utils.clip_grad_norm_(model.parameters(), most)))
            optimizer.step()
    loop = watch.patient().loop
    assert loop.clipped == 0.75
    left = (0.1 / lengths[0]) * (0.01 / lengths[1]) * (0.1 / lengths[3])
    assert loop.clipped_to == pytest.approx(left ** (1 / 3))


def test_a_module_without_parameters_is_a_layer_wherever_it_is_called():
    model, (x, t) = Reused(), samples()
    optimizer = sgd(model, 0.5)
    with Watch(model, optimizer, every=5) as watch:
        for _ in range(60):
            optimizer.zero_grad()
            functional.cross_entropy(model(x), t).backward()
            optimizer.step()
    assert watch.seen.failure is None
    patient = watch.patient()
    assert [layer.path for layer in patient.layers] == ["first", "relu", "second", "relu_2", "out"]
    assert [patient.last.layers[path].units for path in ("relu", "relu_2")] == [12, 20]
    assert patient.clinic is not None  # a chain now, so that causes can be tried out
    with torch.no_grad():
        hidden = functional.relu(model.first(watch.seen.trained.samples()[0]))
    np.testing.assert_allclose(patient.last.layers["relu"].mean, hidden.mean(0), rtol=1e-4, atol=1e-6)


def test_weights_that_are_nan_at_the_end_are_not_taken_for_the_first_ones():
    model = mlp()
    watch = run(model, sgd(model, 1e20), steps=5, loss_fn=lambda y, t: (y**2).sum())
    first = watch.patient().first
    assert first.step == 0
    assert all(np.isfinite(check.norm) for check in first.params.values())
    assert names(watch)


@pytest.mark.parametrize(("rate", "expected"), [(5e-3, []), (1e-6, ["learning_rate_too_low"])])
def test_a_narrow_network_that_copies_its_inputs_is_not_measured_against_copying(rate, expected):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 6, generator=generator) @ torch.randn(6, 12, generator=generator)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 3), nn.Linear(3, 12))
    optimizer = torch.optim.Adam(model.parameters(), rate)
    with Watch(model, optimizer, every=5) as watch:
        for step in range(300):
            rows = torch.arange(step * 32, step * 32 + 32) % len(x)
            optimizer.zero_grad()
            functional.mse_loss(model(x[rows]), x[rows]).backward()
            optimizer.step()
    assert names(watch) == expected


def test_gradients_that_are_reset_now_and_then_are_told_and_not_named():
    model, (x, t) = mlp(), samples()
    optimizer = sgd(model, 0.5)
    with Watch(model, optimizer, budget=0, every=1) as watch:
        for step in range(100):
            if step != 50:
                optimizer.zero_grad()
            functional.cross_entropy(model(x), t).backward()
            optimizer.step()
    assert names(watch) == []
    assert any("zero_grad" in sentence for sentence in watch.scope)


def test_gradients_are_asked_for_however_seldom_it_looks():
    model = mlp()
    x, t = samples()
    optimizer = sgd(model)
    with Watch(model, optimizer, budget=0, every=1000) as watch:
        for _ in range(20):
            functional.cross_entropy(model(x), t).backward()
            optimizer.step()
    assert names(watch)[0] == "gradients_not_reset"


class LogOfZero(nn.Module):
    """A loss by hand that is good until its softmax underflows."""

    def forward(self, y, t):
        return -torch.log(torch.softmax(40 * y, 1)[torch.arange(len(t)), t]).mean()


def test_a_loss_that_takes_the_logarithm_of_0_after_it_had_fallen_is_no_matter_of_the_rate():
    x, t = samples()
    t = (x[:, 0] > 0).long()
    x[7, 0], t[7] = -30.0, 1  # one sample so wrong, and seen so late, that its probability is 0
    model = mlp()
    rows = torch.arange(256).roll(-8)
    watch = run(model, sgd(model, 0.01), steps=12, loss_fn=LogOfZero(), x=x[rows], t=t[rows])
    losses = watch.seen.record.history.series("loss")[1]
    assert not np.isfinite(losses).all()
    assert losses[np.isfinite(losses)][-1] < 0.5 * losses[0]
    assert names(watch)[0] == "not_finite"


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.left, self.right, self.head = nn.Linear(6, 16), nn.Linear(6, 16), nn.Linear(16, 2)

    def forward(self, a, b):
        return self.head(torch.relu(self.left(a)) * torch.relu(self.right(b)))


@pytest.mark.parametrize(("rate", "expected"), [(1e-2, []), (1e-7, ["learning_rate_too_low"])])
def test_a_model_of_two_inputs_is_held_against_knowing_nothing(rate, expected):
    (a, _), (b, _) = samples(), samples(seed=4)
    t, model = ((a * b).sum(1) > 0).long(), Pair()
    optimizer = torch.optim.Adam(model.parameters(), rate)
    with Watch(model, optimizer, every=5) as watch:
        for _ in range(200):
            optimizer.zero_grad()
            functional.cross_entropy(model(a, b), t).backward()
            optimizer.step()
    assert names(watch) == expected
    assert watch.verdict.name == ("findings" if expected else "healthy")


def test_labels_that_are_all_one_class():
    (x, t), model = samples(), mlp()
    assert names(run(model, sgd(model, 0.5), x=x, t=torch.zeros_like(t)))[0] == "labels_wrong"


def test_an_optimizer_that_is_made_for_each_update():
    model, (x, t) = mlp(), samples()
    with Watch(model, budget=0, every=5) as watch:
        for _ in range(60):
            optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
            optimizer.zero_grad()
            functional.cross_entropy(model(x), t).backward()
            optimizer.step()
    assert (watch.seen.step, names(watch)[0], fault(watch)) == (60, "learning_rate_too_low", "again")


def test_updates_by_hand_have_their_losses_and_are_looked_at_as_others_are():
    def train(*, by_hand):
        torch.manual_seed(0)
        x = torch.randn(256, 8)
        t = (x[:, 0] > 0).long()
        model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
        optimizer = None if by_hand else torch.optim.SGD(model.parameters(), 0.1)
        losses = []
        with Watch(model, optimizer) as watch:
            for _ in range(120):
                loss = nn.functional.cross_entropy(model(x), t)
                model.zero_grad()
                loss.backward()
                if optimizer is None:
                    with torch.no_grad():
                        for p in model.parameters():
                            p.sub_(0.1 * p.grad)
                else:
                    optimizer.step()
                losses.append(loss.item())
        return losses, watch.seen.record.history

    for (losses, history), least in ((train(by_hand=True), 110), (train(by_hand=False), 120)):
        steps, kept = history.series("loss")
        assert len(steps) >= least
        assert list(kept) == pytest.approx([losses[step - 1] for step in steps], rel=1e-5)
        looked, _ = history.series("activation_gradient_norm", "0")
        assert len(looked) >= 6
        assert looked[-1] > 70
