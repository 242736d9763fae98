"""What a watch sees of loops that people write, and that it leaves no trace in them."""

import gc
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules import module as module_hooks
from torch.overrides import _get_current_function_mode_stack

from koubai.doctor.patient.clinic import Change
from koubai.doctor.patient.signs import initial, scale_ratios
from koubai.doctor.watch.watcher import Watch
from koubai_benchmarks.doctor import overhead_watch
from koubai_benchmarks.doctor.overhead_watch import LOOPS, run, watch_overhead

N, CLASSES = 64, 3
STEPS = 12


@pytest.fixture(autouse=True)
def no_trace_is_left():
    backward, scale, train_mode = torch.autograd.backward, torch.amp.GradScaler.scale, nn.Module.train
    yield
    assert torch.autograd.backward is backward
    assert torch.amp.GradScaler.scale is scale
    assert nn.Module.train is train_mode
    assert not _get_current_function_mode_stack()
    assert not module_hooks._global_forward_hooks
    assert not module_hooks._global_forward_pre_hooks


def data(features=5):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(N, features, generator=generator)
    return x, (x[:, 0] * 2 + x[:, 1]).long().clamp(-1, 1) + 1


def mlp():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, CLASSES)
    )


class Functional(nn.Module):
    """Layers as modules, everything else as functions: how most code is written."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(1, 3, 3)
        self.fc1 = nn.Linear(27, 6)
        self.fc2 = nn.Linear(6, CLASSES)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.conv(x)), 2)
        x = torch.tanh(self.fc1(torch.flatten(x, 1)))
        x = functional.dropout(x, 0.2, self.training).relu_()
        return functional.log_softmax(self.fc2(x), dim=1)


def train(
    model, optimizer, steps=STEPS, loss_fn=functional.cross_entropy, x=None, t=None, after_backward=None
):
    if x is None:
        x, t = data()
    losses = []
    for step in range(steps):
        rows = torch.arange(step * 8, step * 8 + 16) % len(x)
        optimizer.zero_grad()
        loss = loss_fn(model(x[rows]), t[rows])
        loss.backward()
        if after_backward is not None:
            after_backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def images():
    generator = torch.Generator().manual_seed(3)
    return torch.randn(N, 1, 8, 8, generator=generator), torch.randint(0, CLASSES, (N,), generator=generator)


def watched_losses(watch):
    return watch.seen.record.history.series("loss")[1]


@pytest.mark.parametrize("build", [mlp, Functional])
@pytest.mark.parametrize(
    "make", [lambda p: torch.optim.Adam(p, 0.01), lambda p: torch.optim.SGD(p, 0.1, 0.9)]
)
def test_weights_buffers_and_random_numbers_are_those_of_the_run_alone(build, make):
    x, t = images() if build is Functional else data()
    criterion = functional.nll_loss if build is Functional else nn.CrossEntropyLoss()
    states = []
    for watching in (False, True):
        model = build()
        optimizer = make(model.parameters())
        torch.manual_seed(7)
        if watching:
            with Watch(model, optimizer, every=2, budget=0) as watch:
                train(model, optimizer, loss_fn=criterion, x=x, t=t)
                watch.findings  # noqa: B018 -- even a diagnosis in the middle must not disturb
                train(model, optimizer, loss_fn=criterion, x=x, t=t)
        else:
            train(model, optimizer, loss_fn=criterion, x=x, t=t)
            train(model, optimizer, loss_fn=criterion, x=x, t=t)
        states.append((model.state_dict(), optimizer.state_dict()["state"], torch.rand(3), model.training))
    (alone, slots, numbers, mode), (watched, their_slots, their_numbers, their_mode) = states
    for name, w in alone.items():
        assert torch.equal(watched[name], w), name
    for number, slot in slots.items():
        for name, value in slot.items():
            assert torch.equal(torch.as_tensor(their_slots[number][name]), torch.as_tensor(value)), name
    assert torch.equal(numbers, their_numbers)
    assert mode == their_mode


def test_the_loss_of_every_step_is_seen_without_help():
    for loss_fn in (
        nn.CrossEntropyLoss(),
        functional.cross_entropy,
        lambda y, t: -y.log_softmax(1)[torch.arange(len(t)), t].mean(),
    ):
        model = mlp()
        with Watch(model, torch.optim.SGD(model.parameters(), 0.1)) as watch:
            expected = train(model, watch.seen.optimizers[0], loss_fn=loss_fn)
        np.testing.assert_allclose(watched_losses(watch), expected, rtol=1e-6)


def test_what_the_user_tells_wins():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, t = data()
    with Watch(model, optimizer) as watch:
        for _ in range(3):
            loss = watch.loss(functional.cross_entropy(model(x), t) * 0 + 5)
            (loss + 100).backward()
            optimizer.step()
    np.testing.assert_allclose(watched_losses(watch), [5, 5, 5])


def test_layers_are_seen_as_modules_and_as_functions():
    model = Functional()
    x, t = images()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(model, optimizer, every=2, budget=0) as watch:
        train(model, optimizer, loss_fn=functional.nll_loss, x=x, t=t)
    patient = watch.patient()
    kinds = {layer.path: layer.kind for layer in patient.layers}
    assert list(kinds.items()) == [
        ("conv", "conv2d"),
        ("relu", "relu"),
        ("max_pool2d", "max_pool2d"),
        ("fc1", "linear"),
        ("tanh", "tanh"),
        ("dropout", "dropout"),
        ("relu_", "relu"),
        ("fc2", "linear"),
        ("log_softmax", "other"),
    ]
    assert patient.by_path["fc1"].params == ("fc1.weight", "fc1.bias")
    assert (patient.loss.name, patient.loss.takes) == ("nll_loss", "log_probabilities")
    assert watch.seen.record.history.paths("activation_mean")[:3] == ["conv", "relu", "max_pool2d"]
    last = patient.checkups[-1]
    assert last.layers["conv"].units == 3
    assert last.layers["relu"].slope is not None
    assert last.params["fc1.weight"].units == 6


def test_moments_of_a_step_are_those_computed_by_hand():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(inplace=True), nn.Linear(4, CLASSES))
    x, t = data()
    u = model[0](x).detach()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, weight_decay=0.01)
    with Watch(model, optimizer, every=1, budget=0) as watch:
        before = model[0].weight.detach().clone()
        functional.cross_entropy(model(x), t).backward()
        gradient = model[0].weight.grad.clone() + 0.01 * before
        optimizer.step()
    history = watch.seen.record.history
    assert history.last("activation_mean", "0") == pytest.approx(float(u.double().mean()))
    assert history.last("zero_share", "1") == pytest.approx(float((u <= 0).double().mean()))
    assert history.last("gradient_norm", "0.weight") == pytest.approx(float(gradient.norm()), rel=1e-5)
    update = float((model[0].weight - before).detach().norm())
    assert history.last("update_ratio", "0.weight") == pytest.approx(update / float(before.norm()), rel=1e-5)


def test_accumulated_batches_and_scaled_losses_are_brought_back_to_one_loss():
    """Half-precision training scales the loss, accumulation divides it: neither changes what is reported."""
    records = []
    for accumulate, scaling in ((1, False), (2, False), (2, True)):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, CLASSES))
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=scaling)
        x, t = data()
        x, t = (
            torch.cat([x, x]),
            torch.cat([t, t]),
        )  # both halves are the same, so accumulating changes nothing
        with Watch(model, optimizer, every=1, budget=0) as watch:
            for _ in range(3):
                optimizer.zero_grad()
                for part in range(accumulate):
                    rows = slice(part * len(x) // accumulate, (part + 1) * len(x) // accumulate)
                    loss = functional.cross_entropy(model(x[rows]), t[rows]) / accumulate
                    scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
        assert watch.seen.step == 3
        history = watch.seen.record.history
        records.append(
            [*watched_losses(watch)]
            + [history.last("gradient_norm", path) for path in ("0.weight", "2.bias")]
        )
    np.testing.assert_allclose(records[1], records[0], rtol=1e-4)
    np.testing.assert_allclose(records[2], records[0], rtol=1e-4)


def test_a_step_that_the_scaler_skips_is_not_a_look():
    model = nn.Sequential(nn.Linear(5, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1e38, growth_interval=1000)
    x, t = data()
    with Watch(model, optimizer, every=1, budget=0) as watch:
        for _ in range(40):
            optimizer.zero_grad()
            scaler.scale(functional.cross_entropy(model(x) * 50, t)).backward()
            scaler.step(optimizer)
            scaler.update()
    assert 0 < watch.seen.step < 40
    assert np.isfinite(watched_losses(watch)).all()
    assert np.isfinite(watch.seen.record.history.series("gradient_norm", "0.weight")[1]).all()
    assert watch.seen.loop.tried == 40
    assert watch.seen.loop.skipped == 40 - watch.seen.step
    few = watch.seen.loop.skipped < 20  # until the scale has come down: that is what scalers are for
    assert few == all(finding.name != "steps_skipped" for finding in watch.findings)


@pytest.mark.parametrize("every", [1, 2])
def test_a_scaler_that_skips_every_update_or_every_other_is_named(every):
    model = nn.Sequential(nn.Linear(5, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    x, t = data()
    with Watch(model, optimizer, budget=0) as watch:
        for step in range(40):
            optimizer.zero_grad()
            worth = float("inf") if step % every == 0 else 1.0
            scaler.scale(functional.cross_entropy(model(x), t) * worth).backward()
            scaler.step(optimizer)
            scaler.update()
    assert watch.seen.step == 40 - 40 // every
    finding = watch.findings[0]
    assert (finding.name, finding.severity) == ("steps_skipped", "severe" if every == 1 else "warn")
    assert finding.place.file == __file__


def test_clipped_gradients_are_seen_as_they_were():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(model, optimizer, every=1, budget=0) as watch:
        train(model, optimizer, 2, after_backward=lambda: nn.utils.clip_grad_norm_(model.parameters(), 1e-4))
    assert watch.seen.record.history.last("gradient_norm", "4.weight") > 1e-3


def test_frozen_forgotten_and_unused_parameters_are_named():
    model = mlp()
    model.unused = nn.Linear(2, 2)
    model[0].weight.requires_grad_(False)
    model.forward = lambda x: nn.Sequential.forward(model[:5], x)
    trained = [*model[1].parameters(), model[4].weight, *model.unused.parameters()]
    optimizer = torch.optim.SGD(trained, 0.1)
    with Watch(model, optimizer, budget=0) as watch:
        train(model, optimizer)
    patient = watch.patient()
    assert patient.declared_frozen == ("0.weight",)
    assert set(patient.untrained) == {"0.weight", "0.bias", "4.bias", "unused.weight", "unused.bias"}


def test_a_module_called_twice_is_one_layer_over_both_calls():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.inner, self.out = nn.Linear(5, 5), nn.Linear(5, CLASSES)

        def forward(self, x):
            return self.out(self.inner(self.inner(x)))

    model = Twice()
    x, t = data()
    first = model.inner(x).detach()
    both = torch.cat([first, model.inner(first).detach()])
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    with Watch(model, optimizer, every=1, budget=0) as watch:
        train(model, optimizer, 1, x=x[:16], t=t[:16])
        patient = watch.patient()
    assert [layer.path for layer in patient.layers] == ["inner", "out"]
    check = patient.last.layers["inner"]
    rows = torch.cat([both[:16], both[N : N + 16]]).double().numpy()
    np.testing.assert_allclose(check.mean, rows.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(check.std, rows.std(axis=0), rtol=1e-5)
    assert patient.clinic is None


def test_the_gap_between_the_modes_is_that_of_the_model_as_it_is():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, t = data()
    with Watch(model, optimizer, every=1, budget=5) as watch:
        train(model, optimizer, 3, x=x, t=t)
    look = watch.patient().last
    x, t = watch.seen.trained.samples()
    model.eval()
    tested = functional.cross_entropy(model(x), t).item()
    model.train()[3].eval()  # without dropout
    trained = functional.cross_entropy(model(x), t).item()
    assert look.mode_gap == pytest.approx(tested - trained, rel=1e-4)
    assert look.loss == pytest.approx(trained, rel=1e-5)


def test_a_chain_of_known_layers_gets_a_clinic():
    x, t = images()
    model = Functional()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    with Watch(model, optimizer, every=1, budget=5) as watch:
        train(model, optimizer, 3, loss_fn=functional.nll_loss, x=x, t=t)
    clinic = watch.patient().clinic
    trial = clinic.trial(Change("nothing"), start=0, steps=3)
    assert len(trial.losses) == 3
    assert trial.losses[0] == pytest.approx(watched_losses(watch)[0], rel=0.2)
    assert clinic.trial(Change("remedy", path="add_batch_norm"), start=0, steps=3) is not None


def test_several_outputs_and_shared_parts_and_dictionaries():
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.trunk, self.a, self.b = nn.Linear(5, 6), nn.Linear(6, CLASSES), nn.Linear(6, 2)
            self.again = self.trunk

        def forward(self, batch):
            z = torch.relu(self.trunk(batch["x"]))
            return {"b": self.b(z), "a": self.a(z)}

    model = Heads()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, t = data()
    with Watch(model, optimizer, every=1, budget=0) as watch:
        for _ in range(3):
            optimizer.zero_grad()
            functional.cross_entropy(model({"x": x})["a"], t).backward()
            optimizer.step()
    assert watch.seen.loss.rule.position == 1
    patient = watch.patient()
    assert [layer.path for layer in patient.layers] == ["trunk", "relu", "b", "a"]
    assert set(patient.untrained) == {"b.weight", "b.bias"}
    assert watch.seen.refused is not None  # it cannot be run again on x alone: it takes a dictionary
    assert any("again" in sentence for sentence in watch.scope)
    assert len(patient.checkups) == 2
    assert patient.last.params["trunk.weight"].gradient_norm > 0


def test_a_compiled_model_is_examined_as_it_is_written_and_the_scope_says_so():
    model = mlp()
    compiled = torch.compile(model, backend="eager")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(compiled, optimizer, every=2, budget=0) as watch:
        expected = train(compiled, optimizer)
    np.testing.assert_allclose(watched_losses(watch), expected, rtol=1e-6)
    patient = watch.patient()
    assert [layer.kind for layer in patient.layers] == ["linear", "batch_norm", "relu", "dropout", "linear"]
    assert [look.step for look in patient.checkups] == [0, STEPS]
    assert any("compiled" in sentence for sentence in watch.scope)


def test_evaluation_in_test_mode_becomes_validation_scores():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, t = data()
    with Watch(model, optimizer, budget=0) as watch:
        for _ in range(2):
            train(model, optimizer, 3)
            model.eval()
            with torch.no_grad():
                total = sum(
                    functional.cross_entropy(model(x[i : i + 40]), t[i : i + 40], reduction="sum").item()
                    for i in (0, 40)
                )
                right = (model(x).argmax(1) == t).float().mean().item()
            model.train()
    steps, losses = watch.seen.record.history.series("val_loss")
    assert list(steps) == [3, 6]
    assert losses[-1] == pytest.approx(total / N, rel=1e-5)
    assert watch.seen.record.history.last("val_accuracy") == pytest.approx(right)
    patient = watch.patient()
    assert patient.data.x_held.shape == (N, 5)
    assert patient.held_skill == pytest.approx(right)


def test_no_graph_is_kept_alive():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, t = data()
    with Watch(model, optimizer, every=1, budget=0) as watch:
        y = model(x)
        functional.cross_entropy(y, t).backward()
        optimizer.step()
        seen = weakref.ref(y)
        del y
        gc.collect()
        assert seen() is None
    assert watch.seen.step == 1


def test_the_optimizer_need_not_be_given():
    model, stranger = mlp(), nn.Linear(5, CLASSES)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    other = torch.optim.SGD(stranger.parameters(), 0.1)
    with Watch(model, budget=0) as watch:
        train(stranger, other, 2)
        train(model, optimizer, 5)
    assert watch.seen.step == 5
    assert watch.patient().optimizer.name == "adam"


def test_batches_and_loss_function_can_be_told():
    """Where the loss is not on the model's output, the user says how it is."""
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, t = data()
    with Watch(model, optimizer, loss_fn=lambda y, t: functional.cross_entropy(2 * y, t), budget=0) as watch:
        for a, b in watch.loader([(x[:32], t[:32]), (x[32:], t[32:])]):
            optimizer.zero_grad()
            functional.cross_entropy(2 * model(a), b).backward()
            optimizer.step()
    patient = watch.patient()
    assert patient.data.x.shape == (N, 5)
    assert patient.last.samples == N
    assert watch.scope == [sentence for sentence in watch.scope if "over-fitting" in sentence]


def test_an_unknown_loss_leaves_the_looks_at_the_training_itself():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Watch(model, optimizer, every=1, budget=0) as watch:
        train(model, optimizer, 4, loss_fn=lambda y, t: (y.sum(1) - t).abs().mean())
    patient = watch.patient()
    assert patient.loss is None
    assert [look.step for look in patient.checkups] == [0, 3]
    assert patient.last.params["0.weight"].gradient_norm > 0
    assert patient.last.layers["2"].units == 8
    assert any("loss_fn" in sentence for sentence in watch.scope)


def test_an_exception_in_the_loop_leaves_nothing_behind():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(RuntimeError), Watch(model, optimizer, every=1):
        model(torch.zeros(3, 4))


def test_a_learning_rate_schedule_is_noticed():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    with Watch(model, optimizer, budget=0) as watch:
        for _ in range(3):
            train(model, optimizer, 1)
            schedule.step()
    assert not watch.patient().constant_rate


def test_an_optimizer_that_calls_the_loop_itself():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, t = data()
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), t)
        loss.backward()
        losses.append(loss.item())
        return loss

    with Watch(model, optimizer, every=1, budget=0) as watch:
        for _ in range(3):
            optimizer.step(closure)
    np.testing.assert_allclose(watched_losses(watch), losses, rtol=1e-6)
    steps, ratios = watch.seen.record.history.series("update_ratio", "0.weight")
    assert list(steps) == [1, 2, 3]
    assert (ratios > 0).all()


def test_two_watches_at_once():
    model, other = mlp(), mlp()
    optimizers = [torch.optim.SGD(m.parameters(), 0.1) for m in (model, other)]
    with Watch(model, optimizers[0], every=1, budget=0) as a:
        with Watch(other, optimizers[1], every=1, budget=0) as b:
            train(other, optimizers[1], 3)
        expected = train(model, optimizers[0], 4)
    assert (a.seen.step, b.seen.step) == (4, 3)
    np.testing.assert_allclose(watched_losses(a), expected, rtol=1e-6)


def test_all_units_of_a_wide_layer_count_though_256_are_compared():
    torch.manual_seed(0)
    wide = nn.Sequential(
        nn.Linear(5, 600), nn.ReLU(), nn.Linear(600, 300), nn.ReLU(), nn.Linear(300, CLASSES)
    )
    for layer in (wide[0], wide[2]):
        nn.init.kaiming_normal_(layer.weight)
    optimizer = torch.optim.SGD(wide.parameters(), 0.01)
    with Watch(wide, optimizer, every=1, budget=0) as watch:
        train(wide, optimizer, steps=2)
    patient = watch.patient()
    first = initial(patient)
    assert [first.params[f"{i}.weight"].units for i in (0, 2, 4)] == [600, 300, CLASSES]
    assert list(scale_ratios(patient, first).values()) == pytest.approx([1, 1], abs=0.1)


def test_a_loss_written_by_hand_that_falls_is_no_alarm():
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 200)[:, None]
    t = torch.sin(3 * x)
    model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    with Watch(model, optimizer) as watch:
        for _ in range(200):
            optimizer.zero_grad()
            ((model(x) - t) ** 2).mean().backward()
            optimizer.step()
    assert watch.seen.loss.rule is None
    assert watch.findings == []


def test_two_networks_that_compete_are_no_alarm_and_reset_their_gradients():
    torch.manual_seed(0)
    maker = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))
    judge = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    makes = torch.optim.Adam(maker.parameters(), 1e-3, betas=(0.5, 0.99))
    judges = torch.optim.Adam(judge.parameters(), 1e-3, betas=(0.5, 0.99))
    criterion = nn.BCEWithLogitsLoss()
    with Watch(maker, makes, every=5) as his, Watch(judge, judges, every=5) as hers:
        for _ in range(100):
            real, made = torch.randn(32, 2), maker(torch.randn(32, 4))
            judges.zero_grad()
            told = criterion(judge(real), torch.ones(32, 1))
            (told + criterion(judge(made.detach()), torch.zeros(32, 1))).backward()
            judges.step()
            makes.zero_grad()
            criterion(judge(made), torch.ones(32, 1)).backward()
            makes.step()
    for watch in (his, hers):
        assert watch.seen.step == 100
        assert watch.findings == []
        assert not watch.seen.loop.stale


@pytest.mark.parametrize("name", LOOPS)
def test_the_loops_whose_cost_is_measured_are_seen(name):
    assert run(name, "watched", 3) > 0


def test_the_cost_of_watching_is_that_of_a_process_over_that_of_another(monkeypatch):
    asked = []
    monkeypatch.setattr(
        overhead_watch,
        "_in_a_process",
        lambda *words: (asked.append(words[1]), 1.0 + (words[1] != "alone"))[1],
    )
    assert watch_overhead("mlp", 3, pairs=2).shares == (1.0, 1.0)
    assert asked == ["watched", "alone", "alone", "watched"]


@pytest.mark.parametrize(
    ("rate", "held_out", "first"),
    [(1e-7, True, ["learning_rate_too_low"]), (0.01, True, ["label_noise"]), (0.01, False, [])],
)
def test_noisy_labels_are_the_name_only_where_held_out_samples_show_them_learned_by_heart(
    rate, held_out, first
):
    generator = torch.Generator().manual_seed(0)
    t = torch.randint(0, 3, (500,), generator=generator)
    x = torch.eye(8)[t] * 3 + torch.randn(500, 8, generator=generator)
    noisy = torch.where(torch.rand(500, generator=generator) < 0.3, (t + 1) % 3, t)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 256), nn.ReLU(), nn.Linear(256, 3))
    optimizer = torch.optim.Adam(model.parameters(), rate)
    with Watch(model, optimizer) as watch:
        train(model, optimizer, steps=1200, x=x[:300], t=noisy[:300])
        if held_out:
            model.eval()
            with torch.no_grad():
                nn.functional.cross_entropy(model(x[300:]), t[300:])
    assert [finding.name for finding in watch.findings if finding.alarm][:1] == first
