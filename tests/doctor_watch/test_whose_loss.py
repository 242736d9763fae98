"""The loss that is held against a model is that of one answer, and of its own answers."""

from math import log

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai
from koubai.doctor.diagnoses.output_loss_mismatch import mismatch

LETTERS, TIMES = 20, 30


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


class Letters(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.cell, self.out = (
            nn.Embedding(LETTERS, 24),
            nn.GRUCell(24, 24),
            nn.Linear(24, LETTERS),
        )

    def forward(self, letters, state):
        state = self.cell(self.table(letters), state)
        return self.out(state), state


@pytest.mark.parametrize("criterion", [nn.CrossEntropyLoss(), functional.cross_entropy])
def test_the_first_loss_of_a_sum_over_time_is_that_of_one_place(criterion):
    model = Letters()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(60):
            begin = torch.randint(0, LETTERS, (16, 1))
            text = (begin + torch.arange(TIMES + 1)) % LETTERS
            optimizer.zero_grad()
            loss, state = 0, torch.zeros(16, 24)
            for k in range(TIMES):
                answers, state = model(text[:, k], state)
                loss += criterion(answers, text[:, k + 1])
            loss.backward()
            optimizer.step()
    assert "init_too_large" not in [finding.name for finding in watch.findings]  # not even as a note
    if isinstance(criterion, nn.Module):
        assert watch.patient().losses[0] == pytest.approx(log(LETTERS), rel=0.2)


@pytest.mark.parametrize("sigmoid", [True, False])
def test_what_an_encoder_ends_with_is_not_what_the_loss_of_a_decoder_takes(sigmoid):
    encoder = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 3))
    last = nn.Sigmoid() if sigmoid else nn.Identity()
    decoder = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 12), last)
    optimizers = [torch.optim.Adam(part.parameters(), 0.01) for part in (encoder, decoder)]
    loss = functional.binary_cross_entropy if sigmoid else functional.binary_cross_entropy_with_logits
    shapes = torch.rand(6, 12).round()
    with koubai.watch(encoder, optimizers[0], budget=0) as watch:
        for _ in range(80):
            pictures = shapes[torch.randint(0, 6, (32,))]
            loss(decoder(encoder(pictures)), pictures).backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
    assert mismatch(watch.patient()) is None


@pytest.mark.parametrize(
    "loss", [functional.mse_loss, functional.l1_loss, functional.smooth_l1_loss, nn.HuberLoss()]
)
def test_a_loss_that_is_the_same_both_ways_may_be_given_the_targets_first(loss):
    x = torch.rand(200, 1)
    t = torch.sin(5 * x) + 0.05 * torch.randn(200, 1)
    model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(300):
            optimizer.zero_grad()
            loss(t, model(x)).backward()
            optimizer.step()
    last = watch.patient().checkups[-1]
    assert last.targets == pytest.approx(t.numpy())
    assert watch.verdict.name == "healthy"


def test_a_loss_of_two_answers_has_targets_that_move_whichever_comes_first():
    for turned in (False, True):
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        with koubai.watch(model, optimizer, budget=0) as watch:
            for _ in range(60):
                now, then = model(torch.randn(16, 4)), 1 + 0.9 * model(torch.randn(16, 4)).detach()
                optimizer.zero_grad()
                functional.mse_loss(*((then, now) if turned else (now, then))).backward()
                optimizer.step()
        assert watch.seen.need_not_fall == "moving"


def asked(teacher, loss):
    """The loss of the best constant answer: what a network that knows nothing of its inputs reaches."""
    p = torch.softmax(teacher(torch.randn(2000, 5)), 1).detach()
    return min(loss(y.expand_as(p), p).item() for y in (p.mean(0).log(), p.mean(0).logit()))


@pytest.mark.parametrize(
    ("loss", "fault"),
    [
        (lambda y, p: functional.kl_div(functional.log_softmax(y, 1), p, reduction="batchmean"), None),
        (lambda y, p: functional.kl_div(torch.log(torch.softmax(y, 1)), p, reduction="batchmean"), None),
        (
            lambda y, p: functional.kl_div(torch.softmax(y, 1), p, reduction="batchmean"),
            "not_log_probabilities",
        ),
        (lambda y, p: functional.binary_cross_entropy(torch.sigmoid(y), p), None),
    ],
)
def test_what_a_program_applies_outside_of_its_model_belongs_to_the_outputs(loss, fault):
    teacher, student = nn.Linear(5, 4), nn.Linear(5, 4)
    optimizer = torch.optim.Adam(student.parameters(), 0.05)
    with koubai.watch(student, optimizer, budget=0) as watch:
        for _ in range(150):
            x = torch.randn(64, 5)
            with torch.no_grad():
                p = torch.softmax(teacher(x), 1)
            optimizer.zero_grad()
            loss(student(x), p).backward()
            optimizer.step()
    patient = watch.patient()
    assert mismatch(patient) == fault
    assert len(watch.seen.loss.rule.outside) > 0
    if fault is None:
        assert watch.verdict.name == "healthy"
        assert patient.loss.floor == pytest.approx(asked(teacher, loss), rel=0.2)  # in the same units


def test_shares_of_one_row_outside_of_the_model_do_not_end_the_watch():
    model = nn.Linear(5, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for step in range(40):
            optimizer.zero_grad()
            functional.nll_loss(
                functional.log_softmax(model(torch.randn(5)), 0), torch.tensor(step % 4)
            ).backward()
            optimizer.step()
    assert watch.seen.failure is None
    assert watch.seen.step == 40
