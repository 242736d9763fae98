"""What is said of programs: only what is known, and never severely on a guess."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai
from koubai.doctor.diagnoses.diagnosis import CURED, Sign, severity_of
from koubai.doctor.visit.consultation import Consultation
from koubai.doctor.watch.gaps import _progress
from koubai.doctor.watch.program.kinds import optimizer_facts

BATCH = 40


def trained(model, draw, lr=3e-3, steps=120, loss=functional.cross_entropy, evaluate=None, **options):
    """Train under watch on batches of draw(); return the watch."""
    optimizer = torch.optim.Adam(model.parameters(), lr, **options)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(steps):
            x, t = draw()
            optimizer.zero_grad()
            loss(model(x), t).backward()
            optimizer.step()
        if evaluate is not None:
            model.eval()
            with torch.no_grad():
                functional.cross_entropy(model(evaluate[0]), evaluate[1])
    return watch


def names(watch):
    return [finding.name for finding in watch.findings if finding.alarm]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("sign", "relief", "severity"),
    [
        (Sign(), None, "warn"),
        (Sign(severity="severe", certain=True), None, "warn"),
        (Sign(), CURED - 0.01, "warn"),
        (Sign(), CURED, "severe"),
        (Sign(severity="warn"), 1.0, "warn"),
        (Sign(severity="severe", measured=True), None, "severe"),
        (Sign(severity="info"), 1.0, "info"),
    ],
)
def test_severe_needs_a_treatment_that_helped_or_a_name_that_only_repeats_a_measurement(
    sign, relief, severity
):
    assert severity_of(sign, 0.9, relief) == severity


def test_labels_of_another_sample_of_the_batch_are_named_where_the_held_out_ones_can_be_learned():
    x = torch.randn(1800, 6)
    t = (x @ torch.randn(6, 3)).argmax(1)

    def out_of_step():
        rows = torch.randint(0, 1400, (BATCH,))
        return x[rows], t[rows[torch.randperm(BATCH)]]

    def in_step():
        rows = torch.randint(0, 1400, (BATCH,))
        return x[rows], t[rows]

    held = x[1400:], t[1400:]
    net = lambda: nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))  # noqa: E731
    sick = trained(net(), out_of_step, evaluate=held)
    assert names(sick)[:1] == ["labels_wrong"]
    assert sick.findings[0].details["fault"] == "out_of_step"
    assert names(trained(net(), in_step, evaluate=held)) == []


def test_letters_are_uneven_by_nature():
    share = torch.tensor([0.4, 0.3, 0.2, 0.06, 0.03, 0.01])
    text = torch.multinomial(share, 4000, replacement=True)
    model = nn.Sequential(nn.Embedding(6, 8), nn.Flatten(), nn.Linear(24, 16), nn.Tanh(), nn.Linear(16, 6))

    def draw():
        at = torch.randint(0, 3990, (BATCH,))
        return torch.stack([text[at + i] for i in range(3)], 1), text[at + 3]

    assert "class_imbalance" not in names(trained(model, draw, steps=200))


def test_a_transformer_at_a_low_rate_has_a_low_rate_and_no_weights_too_small():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.up, self.down = nn.LayerNorm(16), nn.Linear(16, 32), nn.Linear(32, 16)

        def forward(self, x):
            return x + self.down(functional.gelu(self.up(self.norm(x))))

    model = nn.Sequential(
        nn.Embedding(9, 16), *(Block() for _ in range(6)), nn.LayerNorm(16), nn.Linear(16, 9)
    )
    for name, p in model.named_parameters():
        if "down" in name:
            nn.init.normal_(p, 0, 0.002)  # as language models do, so that depth costs nothing

    def draw():
        x = torch.randint(0, 9, (BATCH,))
        return x, (x * 2 + 1) % 9

    watch = trained(model, draw, lr=1e-7)
    assert names(watch)[:1] == ["learning_rate_too_low"]
    assert watch.findings[0].severity == "warn"


def test_a_rate_far_too_high_is_named_where_the_loss_ends_above_its_start():
    model = nn.Sequential(nn.Embedding(9, 16), nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 9))

    def draw():
        x = torch.randint(0, 9, (BATCH,))
        return x, torch.where(torch.rand(BATCH) < 0.5, torch.randint(0, 9, (BATCH,)), (x * 2 + 1) % 9)

    watch = trained(model, draw, lr=5.0)
    assert names(watch)[:1] == ["learning_rate_too_high"]
    assert "No lower rate was tried" in repr(watch.findings)


def test_an_epsilon_that_half_precision_cannot_hold_is_found_by_computing_it():
    half = nn.Linear(3, 3).half()
    assert optimizer_facts(torch.optim.Adam(half.parameters())).lost_epsilon == "float16"
    assert optimizer_facts(torch.optim.Adam(half.parameters(), eps=1e-4)).lost_epsilon == ""
    assert optimizer_facts(torch.optim.Adam(nn.Linear(3, 3).parameters())).lost_epsilon == ""
    assert optimizer_facts(torch.optim.SGD(half.parameters(), 0.1)).lost_epsilon == ""


class Sines(nn.Module):
    def __init__(self, turns, *, suitable):
        super().__init__()
        self.turns, self.first, self.second, self.last = (
            turns,
            nn.Linear(1, 48),
            nn.Linear(48, 48),
            nn.Linear(48, 1),
        )
        if suitable:
            nn.init.uniform_(self.second.weight, *(s * math.sqrt(6 / 48) / turns for s in (-1, 1)))

    def forward(self, x):
        return self.last(torch.sin(self.turns * self.second(torch.sin(self.turns * self.first(x)))))


@pytest.mark.parametrize("suitable", [False, True])
def test_sines_that_wind_up_start_too_large(suitable):
    def draw():
        x = torch.rand(BATCH, 1) * 2 - 1
        return x, torch.sin(5 * x)

    found = names(trained(Sines(30.0, suitable=suitable), draw, lr=1e-3, steps=150, loss=functional.mse_loss))
    assert found == ([] if suitable else ["init_too_large"])


@pytest.mark.parametrize("axis", [0, 1])
def test_a_softmax_outside_the_model_is_seen_with_its_axis(axis):
    x = torch.randn(400, 5)
    t = (x[:, 0] > 0).long()
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 2))
    watch = trained(model, lambda: (x, t), loss=lambda y, t: functional.cross_entropy(y.softmax(axis), t))
    found = [(f.name, f.details["fault"], f.severity) for f in watch.findings]
    assert found[:1] == [("output_loss_mismatch", *(("over_samples", "warn"), ("twice", "info"))[axis])]


def test_what_was_frozen_on_purpose_is_no_alarm_where_nothing_was_tried():
    model = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 9))
    model[0].requires_grad_(False)
    watch = trained(model, lambda: (torch.randint(0, 9, (BATCH,)), torch.randint(0, 9, (BATCH,))))
    assert ("not_training", "info") in [(f.name, f.severity) for f in watch.findings]
    assert "not_training" not in names(watch)


def test_a_run_of_a_few_updates_is_too_short_to_be_named():
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 2))
    x = torch.randn(300, 5)
    watch = trained(model, lambda: (x, (x[:, 0] > 0).long()), lr=1e-6, steps=12)
    assert names(watch) == []
    assert watch.verdict.name == "not_judged"


def test_five_updates_of_a_sound_program_are_no_under_fitting_though_a_wider_network_leads_by_then():
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    t = torch.randint(0, 3, (600,))
    x = torch.eye(4)[t] * 2 + torch.randn(600, 4)

    def draw():
        rows = torch.randint(0, 600, (50,))
        return x[rows], t[rows]

    watch = trained(model, draw, steps=5)
    assert names(watch) == []
    assert watch.verdict.name == "not_judged"


@pytest.mark.parametrize(
    ("factor", "uneven", "told"), [(1.0, False, False), (100.0, False, True), (1.0, True, False)]
)
def test_a_first_loss_far_above_that_of_classes_alike_is_noted_where_the_run_recovers(factor, uneven, told):
    x = torch.randn(1500, 8)
    t = (x @ torch.randn(8, 5)).argmax(1)
    t[40 if uneven else 1500 :] = 0  # then the shares tell more than that there are five

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(8, 32), nn.Linear(32, 5)

        def forward(self, x):
            return self.last(torch.tanh(self.first(x))) * factor

    def draw():
        rows = torch.randint(0, 1500, (BATCH,))
        return x[rows], t[rows]

    found = trained(Scaled(), draw, steps=300).findings
    first = [finding for finding in found if finding.details.get("fault") == "first_loss"]
    assert bool(first) is told
    assert not any(finding.alarm for finding in first)


class Decoder(nn.Module):
    """Answers at three places, one after the other, each with an attention to the input."""

    def __init__(self, softmax_behind):
        super().__init__()
        self.cell, self.out = nn.Linear(8, 8), nn.Linear(16, 3)
        self.softmax_behind = softmax_behind

    def forward(self, x):
        answers, h = [], torch.zeros(len(x), 8)
        for _ in range(3):
            h = torch.tanh(self.cell(h) + x.mean(1))
            shares = torch.softmax((x * h[:, None]).sum(2), dim=1)
            answers.append(self.out(torch.cat([h, (shares[:, :, None] * x).sum(1)], dim=1)))
        answers = torch.stack(answers, dim=1)
        return torch.softmax(answers, dim=2) if self.softmax_behind else answers


@pytest.mark.parametrize("softmax_behind", [False, True])
def test_a_softmax_that_weighs_the_input_is_none_of_the_output_in_a_loop_of_calls(softmax_behind):
    x = torch.randn(200, 5, 8)
    t = (x @ torch.randn(8, 3)).sum(1).argmax(1)

    def draw():
        rows = torch.randint(0, 200, (BATCH,))
        return x[rows], t[rows, None].expand(-1, 3)

    def loss(y, t):
        return functional.cross_entropy(y.reshape(-1, 3), t.reshape(-1))

    watch = trained(Decoder(softmax_behind), draw, loss=loss)
    ends = [layer.kind for layer in watch.patient().output_activations]
    assert ends == (["softmax"] if softmax_behind else [])
    assert ("output_loss_mismatch" in [f.name for f in watch.findings]) is softmax_behind


@pytest.mark.parametrize(
    ("skill", "goal", "open_question"),
    [
        (0.017, 0.1, "unexplained"),
        (0.017, 0.04, "at_chance"),  # what simple learners find is itself within what is not known
        (0.017, 0.018, "nothing_to_learn"),
        (0.29, 0.3, None),
    ],
)
def test_a_run_that_knows_nothing_is_never_healthy(skill, goal, open_question):
    learnable = goal > 0.03  # of values, what is within .03 of chance is not known
    visit = SimpleNamespace(
        comparable=True, skill=skill, goal=goal, chance=0.0, noise=0.01, learnable=learnable,
        shortfall=(goal - skill) / goal, well=False, trades=False, harmed=learnable and goal - skill > 0.03,
        patient=SimpleNamespace(data=SimpleNamespace(classes=None)),
    )  # fmt: skip
    visit.knows_nothing = Consultation.knows_nothing.fget(visit)
    found = _progress(SimpleNamespace(), visit, 500)
    assert (None if found is None else found.reason) == open_question


def test_a_short_run_whose_loss_falls_steadily_is_not_said_to_learn_nothing():
    torch.manual_seed(0)
    shares = torch.linspace(1, 12, 27).softmax(0)
    table = nn.Embedding(27, 27)  # a language model of letters, begun at equal shares
    nn.init.zeros_(table.weight)
    optimizer = torch.optim.AdamW(table.parameters(), 5e-4)
    with koubai.watch(table, optimizer, budget=0) as watch:
        for _ in range(300):
            x, t = torch.multinomial(shares, 64, True), torch.multinomial(shares, 64, True)
            optimizer.zero_grad()
            nn.functional.cross_entropy(table(x), t).backward()
            optimizer.step()
    assert not [finding.name for finding in watch.findings if finding.alarm]
    assert watch.verdict.name == "not_judged"


def test_one_label_is_meant_where_outputs_are_compared_with_one_another():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 8))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    apart = ~torch.eye(64, dtype=torch.bool)
    same = torch.eye(32, dtype=torch.bool).repeat(2, 2)[apart].view(64, 63)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(80):
            x = torch.randn(32, 16)
            views = torch.cat([x + 0.1 * torch.randn(32, 16), x + 0.1 * torch.randn(32, 16)])
            features = functional.normalize(model(views), dim=1)
            alike = (features @ features.T)[apart].view(64, 63)
            logits = torch.cat([alike[same].view(64, 1), alike[~same].view(64, 62)], 1) / 0.1
            optimizer.zero_grad()
            functional.cross_entropy(logits, torch.zeros(64, dtype=torch.long)).backward()
            optimizer.step()
    assert watch.verdict.name != "findings", watch.findings


@pytest.mark.parametrize(
    ("level", "scatter", "open_question"),
    [(0.95, 0.3, "at_chance"), (0.95, 0.01, "hardly"), (0.85, 0.01, None), (0.5, 0.3, None)],
)
def test_a_loss_is_below_that_of_knowing_nothing_only_by_more_than_its_scatter(level, scatter, open_question):
    tail = torch.tensor([level - scatter, level + scatter] * 25).numpy()
    visit = SimpleNamespace(
        comparable=False,
        well=False,
        floor_known=True,
        floor_loss=1.0,
        shortfall=0.0,
        smooth=tail[:2].mean(keepdims=True),
        patient=SimpleNamespace(losses=tail),
    )
    visit.patient.losses = tail.repeat(10)
    visit.surely_learned = Consultation.surely_learned.fget(visit)
    found = _progress(SimpleNamespace(), visit, 500)
    assert (None if found is None else found.reason) == open_question


@pytest.mark.parametrize(
    ("losses", "open_question"),
    [
        ([1.0] * 10 + [0.5] * 90, None),
        ([1.0, 1.8, 1.6] + [1.4] * 7 + [1.2] * 90, None),  # scatter of the first batches
        ([1.0] + [1e9] * 9 + [1e6] * 90, "progress"),
        ([1.0] + [1e3] * 9 + [0.5] * 90, None),
        ([-1.0] + [50.0] * 9 + [3.0] * 90, "progress"),
    ],
)
def test_a_loss_that_comes_down_from_where_it_jumped_to_is_no_progress(losses, open_question):
    losses = np.array(losses)
    visit = SimpleNamespace(
        comparable=False,
        well=False,
        floor_known=False,
        progressing=True,
        smooth=losses.reshape(10, 10).mean(axis=1),
        patient=SimpleNamespace(losses=losses),
    )
    gap = _progress(SimpleNamespace(), visit, 100)
    assert (gap and gap.reason) == open_question


class Chooses(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.choice, self.worth = nn.Linear(4, 16), nn.Linear(16, 3), nn.Linear(16, 1)

    def forward(self, x):
        h = torch.tanh(self.body(x))
        return torch.distributions.Categorical(logits=self.choice(h)), self.worth(h).squeeze(1)


def test_a_policy_that_puts_out_its_distribution_step_by_step_need_not_fall():
    """Log-probabilities are stacked over times, weighed by gains and then by a mask of those still alive."""
    torch.manual_seed(0)
    model = Chooses()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for step in range(80):
            log_p, worth, paid = [], [], []
            for _ in range(5):
                x = torch.randn(16, 4)
                chosen, value = model(x)
                action = chosen.sample()
                log_p.append(chosen.log_prob(action))
                worth.append(value)
                paid.append((action == x[:, :3].argmax(1)).float() * (1 + step / 20))
            log_p, worth, paid = map(torch.stack, (log_p, worth, paid))
            mask = (torch.rand(5, 16) < 0.8).float()
            gains = (paid - worth).detach()
            loss = -(log_p * gains * mask).sum() / mask.sum() + ((paid - worth) ** 2 * mask).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert watch.verdict.name == "not_judged"
    assert not names(watch)


def test_a_loss_that_is_hardly_below_that_of_knowing_nothing_is_no_health():
    """Nothing else is there to compare with: the model takes two tensors, and is never evaluated."""
    torch.manual_seed(0)

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 5), nn.Linear(4, 5)

        def forward(self, x, y):
            return self.a(x) + self.b(y)

    model, apart = Two(), torch.randn(4, 5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(300):
            x = torch.randn(64, 4)
            known = torch.rand(64) < 0.45
            t = torch.where(known, (x @ apart).argmax(1), torch.randint(5, (64,)))
            optimizer.zero_grad()
            functional.cross_entropy(model(x, torch.randn(64, 4)), t).backward()
            optimizer.step()
    assert watch.verdict.name == "not_judged"
