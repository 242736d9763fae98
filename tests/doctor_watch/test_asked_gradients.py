"""Programs without a module that ask for gradients, or make their tensors again in every update."""

import contextlib
import io
import json
import runpy
import subprocess
import sys

import pytest

from koubai.doctor.script import judge_script, watch_script
from koubai.doctor.trials.script import ScriptTrials
from support.marks import long

START = """
import torch
torch.manual_seed(1)
x = torch.randn(400, 6)
t = torch.tanh(x @ torch.randn(6, 1)) + 0.1 * torch.randn(400, 1)
W1 = (torch.randn(6, 24) * 0.4).requires_grad_()
b1 = torch.zeros(24, requires_grad=True)
W2 = (torch.randn(24, 1) * 0.3).requires_grad_()
for step in range(300):
    rows = torch.randint(0, 400, (64,))
    loss = ((torch.tanh(x[rows] @ W1 + b1) @ W2 - t[rows]) ** 2).mean()
"""
END = """
    assert all(w.grad is None for w in (W1, b1, W2))
print(W1.detach().double().sum().item(), loss.item())
"""
UPDATES = {
    "asked": """
    gradients = torch.autograd.grad(loss, [W1, b1, W2])
    with torch.no_grad():
        for w, g in zip((W1, b1, W2), gradients):
            w -= 0.1 * g
""",
    "remade": """
    loss.backward()
    W1, b1, W2 = [(w - 0.1 * w.grad).detach().requires_grad_() for w in (W1, b1, W2)]
""",
    "asked_remade": """
    g1, gb, g2 = torch.autograd.grad(loss, [W1, b1, W2])
    with torch.no_grad():
        W1, b1, W2 = W1 - 0.1 * g1, b1 - 0.1 * gb, W2 - 0.1 * g2
    for w in (W1, b1, W2):
        w.requires_grad_()
""",
}


@pytest.fixture
def judged(tmp_path):
    def judge(text, times=0.0):
        path = tmp_path / "program.py"
        path.write_text(text)
        verdict, code = judge_script(path, trials=ScriptTrials(times))
        assert code == 0
        return verdict

    return judge


def program(how, before="", after=""):
    assert before in UPDATES[how]
    return START + UPDATES[how].replace(before, after) + END


@pytest.mark.parametrize("how", UPDATES)
def test_a_program_that_learns_is_healthy_and_runs_as_it_would_alone(how, judged, tmp_path):
    (tmp_path / "alone.py").write_text(program(how))
    alone, heard = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(alone):
        runpy.run_path(str(tmp_path / "alone.py"))
    with contextlib.redirect_stderr(heard):
        verdict = judged(program(how))
    assert alone.getvalue() in heard.getvalue()
    assert (verdict.name, verdict.findings) == ("healthy", [])


@pytest.mark.parametrize("how", UPDATES)
def test_its_steps_losses_and_gradients_are_seen(how, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(program(how))
    seen = watch_script(path).watch.seen
    assert (seen.step, set(seen.names.params.values())) == (300, {"W1", "b1", "W2"})
    steps, losses = seen.record.history.series("loss")
    assert len(steps) == 300
    assert losses[0] > 2 * losses[-1]
    for name in ("W1", "b1", "W2"):
        _, gradients = seen.record.history.series("gradient_norm", name)
        assert min(gradients) > 0


@pytest.mark.parametrize("how", UPDATES)
def test_a_rate_far_too_low_is_suspected(how, judged):
    text = program(how, "0.1 *", "1e-6 *")
    (finding,) = judged(text).findings
    assert (finding.name, finding.suspected) == ("learning_rate_too_low", True)


FORKS = """
import json, sys
from pathlib import Path
from koubai.doctor.script import judge_script
from koubai.doctor.trials.script import ScriptTrials
verdict, _ = judge_script(Path(sys.argv[1]), trials=ScriptTrials(2.0))
print(json.dumps([verdict.trials.made, [[f.name, f.suspected, f.severity] for f in verdict.findings]]))
"""


@pytest.mark.parametrize("how", ["asked_remade", *long("asked", "remade")])
def test_a_higher_rate_is_tried_on_a_fork_and_confirms_it(how, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(program(how, "0.1 *", "1e-5 *"))
    done = subprocess.run(  # a process of its own can fork: this one may share memory with others
        [sys.executable, "-c", FORKS, str(path)], capture_output=True, text=True, check=True, timeout=200
    )
    made, found = json.loads(done.stdout.splitlines()[-1])
    assert made
    assert found == [["learning_rate_too_low", False, "severe"]]


@pytest.mark.parametrize("how", UPDATES)
def test_updates_uphill_are_named(how, judged):
    sign = {
        "asked": "w -= 0.1",
        "remade": "w - 0.1",
        "asked_remade": "W1 - 0.1 * g1, b1 - 0.1 * gb, W2 - 0.1",
    }[how]
    turned = sign.replace("-=", "+=").replace(" - ", " + ").replace("0.1", "0.0001")
    finding = judged(program(how, sign, turned)).findings[0]
    assert (finding.name, finding.details["fault"]) == ("wrong_gradient", "uphill")


def test_a_tensor_that_is_left_as_it_was_is_told(judged):
    text = program("asked_remade", "W1, b1, W2 = W1 - 0.1 * g1, ", "b1, W2 = ").replace("* 0.4", "* 4.0")
    finding = judged(text).findings[0]
    assert (finding.name, finding.details["paths"]) == ("not_training", "W1")


def test_inputs_whose_gradient_a_loss_holds_are_not_trained(tmp_path):
    text = START.replace("    loss =", "    x_in = x[rows].requires_grad_()\n    loss =").replace(
        "tanh(x[rows]", "tanh(x_in"
    )
    penalty = """
    slope, = torch.autograd.grad(loss, x_in, create_graph=True)
    loss = loss + slope.square().sum()
"""
    path = tmp_path / "program.py"
    path.write_text(text + penalty + UPDATES["asked"] + END)
    seen = watch_script(path).watch.seen
    assert (seen.step, seen.backwards) == (300, 300)
    assert set(seen.names.params.values()) == {"W1", "b1", "W2"}
