"""Evaluations that keep training mode and their graph: between epochs, or while another loader runs."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import koubai

KINDS, WIDE, HELD, EPOCHS = 5, 12, 300, 12
ITERATING = DataLoader.__iter__


def samples(rows, seed, *, by_chance=False):
    generator = torch.Generator().manual_seed(3)
    centers = 1.6 * torch.randn(KINDS, WIDE, generator=generator)
    torch.manual_seed(seed)
    t = torch.randint(KINDS, (rows,))
    x = centers[t] + torch.randn(rows, WIDE)
    return x, torch.randint(KINDS, (rows,)) if by_chance else t


def plain():
    return nn.Sequential(nn.Linear(WIDE, 64), nn.ReLU(), nn.Linear(64, KINDS))


def with_dropout():
    return nn.Sequential(
        nn.Dropout(0.3), nn.Linear(WIDE, 24), nn.ReLU(), nn.Dropout(0.6), nn.Linear(24, KINDS)
    )


def step(model, optimizer, x, t):
    optimizer.zero_grad()
    functional.cross_entropy(model(x), t).backward()
    optimizer.step()


def whole(model, x, t):
    """All samples at once, as notebooks do."""
    return functional.cross_entropy(model(x), t).item()


def by_loader(model, x, t):
    loader = DataLoader(TensorDataset(x, t), 50)
    return sum(functional.cross_entropy(model(x), t).item() for x, t in loader)


def trained(make, evaluate, *, by_chance=False, watch=True, epochs=EPOCHS):
    (x, t), held = samples(300, 1, by_chance=by_chance), samples(HELD, 2, by_chance=by_chance)
    torch.manual_seed(0)
    model = make()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    loader = DataLoader(TensorDataset(x, t), 30, shuffle=True)

    def run():
        for _ in range(epochs):
            for x, t in loader:
                step(model, optimizer, x, t)
            evaluate(model, *held)

    if not watch:
        run()
        return model
    with koubai.watch(model, optimizer, budget=0) as watched:
        run()
    assert DataLoader.__iter__ is ITERATING
    return watched


def alarms(watch):
    return [finding.name for finding in watch.findings if finding.alarm]


@pytest.mark.parametrize("evaluate", [whole, by_loader])
def test_samples_of_an_evaluation_are_held_out_and_steps_are_as_they_were(evaluate):
    watch = trained(plain, evaluate)
    seen = watch.seen
    assert (seen.step, len(seen.record.history.series("loss")[0])) == (10 * EPOCHS, 10 * EPOCHS)
    assert len(seen.held.samples()[0]) == HELD
    assert not alarms(watch)
    assert watch.verdict.name == "healthy"
    alone = trained(plain, evaluate, watch=False)
    assert all(
        torch.equal(a, b) for a, b in zip(alone.parameters(), watch.seen.root.parameters(), strict=True)
    )


@pytest.mark.parametrize("evaluate", [whole, by_loader])
def test_labels_learned_by_heart_show_there(evaluate):
    watch = trained(plain, evaluate, by_chance=True, epochs=60)
    assert alarms(watch)[:1] == ["labels_wrong"]


def test_dropout_that_stays_on_is_named():
    assert alarms(trained(with_dropout, whole)) == ["evaluated_in_training_mode"]


def test_an_evaluation_in_the_middle_of_an_epoch_is_seen_by_its_loader():
    (x, t), held = samples(900, 1), samples(HELD, 2)
    model = plain()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    loader, other = DataLoader(TensorDataset(x, t), 30), DataLoader(TensorDataset(*held), 100)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for epoch in range(3):
            for i, (x, t) in enumerate(loader):
                step(model, optimizer, x, t)
                if i == 20 and epoch:
                    assert all(functional.cross_entropy(model(x), t) > 0 for x, t in other)
    assert watch.seen.step == 90
    assert len(watch.seen.held.samples()[0]) == HELD


def test_who_trains_on_other_things_between_epochs_does_not_evaluate():
    (x, t), (x_more, t_more) = samples(300, 1), samples(HELD, 2)
    model = plain()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    loader = DataLoader(TensorDataset(x, t), 30)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(EPOCHS):
            for x, t in loader:
                step(model, optimizer, x, t)
            step(model, optimizer, x_more, t_more)
    assert watch.seen.step == 11 * EPOCHS
    assert len(watch.seen.record.history.series("loss")[0]) == 11 * EPOCHS
    assert watch.seen.held.rows == 0
    assert len(watch.seen.record.history.series("val_loss")[0]) == 0


def test_a_loader_for_each_epoch_is_one_that_trains():
    x, t = samples(300, 1)
    model = plain()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(EPOCHS):
            for x_part, t_part in DataLoader(TensorDataset(x, t), 30, shuffle=True):
                step(model, optimizer, x_part, t_part)
    assert (watch.seen.step, len(watch.seen.record.history.series("loss")[0])) == (10 * EPOCHS, 10 * EPOCHS)
    assert watch.seen.held.rows == 0
    assert len(watch.seen.trained.samples()[0]) == 300


def test_a_loader_that_begins_again_before_its_last_turn_is_let_go_of_trains():
    x, t = samples(300, 1)
    model = plain()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    loader = DataLoader(TensorDataset(x, t), 30, shuffle=True)
    batches = iter(loader)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(10 * EPOCHS):
            try:
                x, t = next(batches)
            except StopIteration:
                batches = iter(loader)
                x, t = next(batches)
            step(model, optimizer, x, t)
        whole(model, *samples(HELD, 2))
    assert (watch.seen.step, len(watch.seen.record.history.series("loss")[0])) == (10 * EPOCHS, 10 * EPOCHS)
    assert not watch.listener._loaders._misled
