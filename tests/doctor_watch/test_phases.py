"""Programs that train one model after another: each is judged, and none competes with another."""

import pytest

from koubai.doctor.script import judge_script, watch_script
from koubai.doctor.trials.script import ScriptTrials

DISTILLED = """
import torch
import torch.nn.functional as F
torch.manual_seed(0)
centers = 1.5 * torch.randn(5, 12)
def draw(rows):
    t = torch.randint(5, (rows,))
    return centers[t] + torch.randn(rows, 12), t
x, t = draw(600)
x_held, t_held = draw(300)
def network(width):
    return torch.nn.Sequential(torch.nn.Linear(12, width), torch.nn.ReLU(), torch.nn.Linear(width, 5))
teacher, student = network(64), network(16)
def train(model, rate, steps, soft=None):
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for step in range(steps):
        rows = torch.randint(600, (50,))
        loss = F.cross_entropy(model(x[rows]), t[rows] if soft is None else soft[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print((model(x_held).argmax(1) == t_held).float().mean().item())
train(teacher, TEACHER, 400)
with torch.no_grad():
    soft = teacher(x).softmax(1)
train(student, STUDENT, 250, soft)
"""
COMPETING = """
import torch
torch.manual_seed(0)
maker = torch.nn.Linear(4, 2)
judge = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
bce = torch.nn.functional.binary_cross_entropy_with_logits
ones, zeros = torch.ones(32, 1), torch.zeros(32, 1)
one, other = torch.optim.Adam(maker.parameters(), 1e-3), torch.optim.Adam(judge.parameters(), 1e-3)
for step in range(120):
    made = maker(torch.randn(32, 4))
    other.zero_grad()
    (bce(judge(torch.randn(32, 2) + 1), ones) + bce(judge(made.detach()), zeros)).backward()
    other.step()
    one.zero_grad()
    bce(judge(made), ones).backward()
    one.step()
"""


@pytest.fixture
def written(tmp_path):
    def write(text, **values):
        for name, value in values.items():
            text = text.replace(name, value)
        path = tmp_path / "program.py"
        path.write_text(text)
        return path

    return write


def judged(path):
    return judge_script(path, trials=ScriptTrials(0.0))[0]


def test_a_teacher_and_its_student_are_healthy(written):
    verdict = judged(written(DISTILLED, TEACHER="1e-2", STUDENT="1e-2"))
    assert (verdict.name, verdict.findings) == ("healthy", [])


@pytest.mark.parametrize(("teacher", "student"), [("1e-7", "1e-2"), ("1e-2", "1e-7")])
def test_what_is_wrong_with_either_is_named_at_its_line(teacher, student, written):
    path = written(DISTILLED, TEACHER=teacher, STUDENT=student)
    (finding,) = judged(path).findings
    assert finding.name == "learning_rate_too_low"
    outcome = watch_script(path)
    assert [watch.seen.root[0].out_features for watch in (outcome.watch, *outcome.phases)] == [64, 16]


def test_networks_in_turn_are_no_phases(written):
    path = written(COMPETING)
    assert not watch_script(path).phases
    assert [gap.reason for gap in judged(path).unseen] == ["duel"]
