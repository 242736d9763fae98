"""Programs that train tensors without a module: seen by what an optimizer or a loss depends on."""

import contextlib
import io
import json
import re
import runpy
import subprocess
import sys

import pytest

from koubai.doctor.script import judge_script, watch_script
from koubai.doctor.trials.script import ScriptTrials
from support.marks import long

START = """
import torch
import torch.nn.functional as F
torch.manual_seed(1)
x_all = torch.randn(400, 6)
t_all = (x_all[:, :3] + 0.3 * torch.randn(400, 3)).argmax(1)
"""
WEIGHTS = """
W1 = (torch.randn(6, 24) * 0.5).requires_grad_()
b1 = torch.zeros(24, requires_grad=True)
W2 = (torch.randn(24, 3) * 0.3).requires_grad_()
b2 = torch.zeros(3, requires_grad=True)
def forward(x):
    h = torch.relu(x @ W1 + b1)
    return h @ W2 + b2
"""
BY_OPTIMIZER = (
    START
    + WEIGHTS
    + """
optimizer = torch.optim.SGD([W1, b1, W2, b2], lr=0.5)
for step in range(300):
    rows = torch.randint(0, 400, (64,))
    loss = F.cross_entropy(forward(x_all[rows]), t_all[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(step, loss.item())
print(W1.detach().double().sum().item(), b2.tolist())
"""
)
BY_HAND = (
    START
    + WEIGHTS
    + """
params = [W1, b1, W2, b2]
for step in range(300):
    rows = torch.randint(0, 400, (64,))
    loss = F.cross_entropy(forward(x_all[rows]), t_all[rows])
    for p in params:
        p.grad = None
    loss.backward()
    for p in params:
        p.data -= 0.5 * p.grad
print(W1.detach().double().sum().item(), loss.item())
"""
)
OWN_CLASS = (
    START
    + """
class Net:
    def __init__(self):
        self.kernel = (torch.randn(4, 1, 1, 3) * 0.4).requires_grad_()
        self.out = torch.randn(24, 1, requires_grad=True)
        self.scale = torch.ones(1, requires_grad=True)
    def __call__(self, x):
        h = torch.tanh(F.conv2d(x.view(-1, 1, 1, 6), self.kernel, padding=(0, 1)))
        return h.flatten(1) @ (self.out * self.scale)
def train(net, steps):
    weights = [net.kernel, net.out, net.scale]
    for step in range(steps):
        rows = torch.randint(0, 400, (32,))
        difference = net(x_all[rows]) - (x_all[rows, :1] + x_all[rows, 3:4])
        loss = (difference ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for w in weights:
                w -= 0.05 * w.grad
                w.grad.zero_()
    return loss
print(train(Net(), 300).item())
"""
)


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "program.py"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def judged(written):
    def judge(text, times=0.0):
        verdict, code = judge_script(written(text), trials=ScriptTrials(times))
        assert code == 0
        return verdict

    return judge


FORKS = """
import json, sys
from pathlib import Path
from koubai.doctor.script import judge_script
from koubai.doctor.trials.script import ScriptTrials
verdict, _ = judge_script(Path(sys.argv[1]), trials=ScriptTrials(2.0))
first = [finding.name for finding in verdict.findings if finding.alarm][:1]
print(json.dumps([verdict.trials.made, first, verdict.findings[0].relief]))
"""


def alarms(verdict):
    return [finding.name for finding in verdict.findings if finding.alarm]


def changed(text, before, after):
    assert before in text
    return text.replace(before, after)


@pytest.mark.parametrize("text", [BY_OPTIMIZER, BY_HAND, OWN_CLASS])
def test_a_program_that_learns_is_healthy_and_runs_as_it_would_alone(text, written):
    alone = io.StringIO()
    with contextlib.redirect_stdout(alone):
        runpy.run_path(str(written(text)))
    heard = io.StringIO()
    with contextlib.redirect_stderr(heard):
        verdict, code = judge_script(written(text), trials=ScriptTrials(0.0))
    assert code == 0
    assert alone.getvalue() in heard.getvalue()
    assert verdict.name == "healthy"


def test_tensors_have_the_names_of_their_variables_and_layers_their_lines(written):
    path = written(BY_OPTIMIZER)
    seen = watch_script(path).watch.seen
    assert list(seen.names.params.values()) == ["W1", "b1", "W2", "b2"]
    layers = seen.last.recorder.layers
    assert [(layer.path, layer.kind, layer.params) for layer in layers.values()] == [
        ("W1", "linear", ("W1", "b1")),
        ("relu", "relu", ()),
        ("W2", "linear", ("W2", "b2")),
    ]
    line = path.read_text().splitlines()[layers["W1"].place.line - 1]
    assert "x @ W1" in line


def test_tensors_in_an_object_are_named_by_it(written):
    seen = watch_script(written(OWN_CLASS)).watch.seen
    assert set(seen.names.params.values()) == {"net.kernel", "net.out", "net.scale"}


def test_the_loss_follows_from_what_the_last_weights_put_out(written):
    seen = watch_script(written(BY_HAND)).watch.seen
    assert seen.loss.call[0] == "cross_entropy"
    assert seen.step == 300
    steps, losses = seen.record.history.series("loss")
    assert len(steps) == 300
    assert losses[0] > 2 * losses[-1]


@pytest.mark.parametrize(
    ("text", "before", "after", "name"),
    [
        (BY_OPTIMIZER, "    optimizer.zero_grad()\n", "", "gradients_not_reset"),
        (BY_HAND, "        p.grad = None\n", "        pass\n", "gradients_not_reset"),
        (BY_OPTIMIZER, "SGD([W1, b1, W2, b2]", "SGD([b1, W2, b2]", "not_training"),
        (BY_HAND, "params = [W1, b1, W2", "params = [b1, W2", "not_training"),
        (BY_OPTIMIZER, "lr=0.5", "lr=1e-6", "learning_rate_too_low"),
        (OWN_CLASS, "w -= 0.05 *", "w -= 50.0 *", "learning_rate_too_high"),
        (BY_OPTIMIZER, "    loss.backward", "    loss = -loss\n    loss.backward", "loss_without_bound"),
    ],
)
def test_a_fault_is_named(text, before, after, name, judged):
    text = changed(text, before, after)
    if name == "not_training":  # what is left out is needed
        text = changed(text, "torch.randn(6, 24) * 0.5", "torch.ones(6, 24) * 0.5")
    assert alarms(judged(text))[:1] == [name]


def test_a_softmax_before_a_loss_that_has_one_is_told_even_where_it_does_no_harm(judged):
    text = changed(BY_OPTIMIZER, "return h @ W2 + b2", "return torch.softmax(h @ W2 + b2, 1)")
    (finding,) = judged(text).findings
    assert (finding.name, finding.details["fault"]) == ("output_loss_mismatch", "twice")


def test_what_is_left_out_is_told_by_name(judged):
    text = changed(BY_HAND, "params = [W1, b1, W2", "params = [b1, W2")
    text = changed(text, "torch.randn(6, 24) * 0.5", "torch.ones(6, 24) * 0.5")
    (finding, *_) = judged(text).findings
    assert finding.details["fault"] == "left"
    assert finding.details["paths"] == "W1"


def test_updates_by_hand_that_go_uphill_are_named_with_the_tensors_that_do(judged):
    text = changed(BY_HAND, "p.data -= 0.5 * p.grad", "p.data -= (-0.5 if p is W2 else 0.5) * p.grad")
    finding = judged(text).findings[0]
    assert (finding.name, finding.details["fault"]) == ("wrong_gradient", "uphill")
    assert finding.details["names"] == "W2"


def test_who_climbs_a_score_that_is_to_rise_is_healthy(judged):
    text = changed(BY_HAND, "loss = F.cross_entropy", "loss = -F.cross_entropy")
    verdict = judged(changed(text, "p.data -= 0.5", "p.data += 0.5"))
    assert verdict.name == "healthy"
    assert verdict.findings == []


FROM_ZERO = """
import torch
torch.manual_seed(0)
x = torch.rand(100, 1)
t = 5 + 2 * x + torch.rand(100, 1)
slope, offset = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
params = [slope, offset]
for step in range(150):
    for p in params:
        p.grad = None
    ((x @ slope + offset - t) ** 2).mean().backward()
    for p in params:
        p.data -= 0.5 * p.grad
"""


@pytest.mark.parametrize(
    ("text", "rate", "name"),
    [
        (BY_HAND, "0.00005", "learning_rate_too_low"),
        *long(
            (BY_HAND, "40.0", "learning_rate_too_high"),
            (FROM_ZERO, "0.0001", "learning_rate_too_low"),  # whatever moves a zero moves it far
        ),
    ],
)
def test_the_size_of_updates_by_hand_is_tried_on_a_fork(text, rate, name, written):
    path = written(changed(text, "0.5 * p.grad", f"{rate} * p.grad"))
    done = subprocess.run(  # a process of its own can fork: this one may share memory with others
        [sys.executable, "-c", FORKS, str(path)], capture_output=True, text=True, check=True, timeout=200
    )
    made, first, relief = json.loads(done.stdout.splitlines()[-1])
    assert made
    assert first == [name]
    assert relief


def test_inputs_that_ask_for_a_gradient_are_no_tensors_left_out(judged):
    text = changed(BY_OPTIMIZER, "    loss = F", "    x = x_all.requires_grad_()\n    loss = F")
    text = changed(text, "forward(x_all[rows])", "forward(x)[rows]")
    assert alarms(judged(text)) == []


def test_a_module_counts_more_than_tensors_beside_it(written):
    text = changed(
        BY_OPTIMIZER,
        "def forward(x):",
        "net = torch.nn.Linear(6, 6)\ndef forward(x):\n    x = net(x)",
    )
    text = changed(
        text, "optimizer = torch", "extra = torch.optim.SGD(net.parameters(), 0.1)\noptimizer = torch"
    )
    text = changed(text, "    optimizer.step()", "    optimizer.step()\n    extra.step()")
    assert type(watch_script(written(text)).watch.seen.root).__name__ == "Linear"


def test_networks_that_compete_are_not_judged(judged):
    text = """
import torch
torch.manual_seed(0)
Wg = torch.randn(4, 2, requires_grad=True)
Wd, vd = torch.randn(2, 16, requires_grad=True), torch.randn(16, 1, requires_grad=True)
judge = lambda x: torch.sigmoid(torch.relu(x @ Wd) @ vd)
ones, zeros = torch.ones(32, 1), torch.zeros(32, 1)
bce = torch.nn.functional.binary_cross_entropy
one, other = torch.optim.Adam([Wg], 1e-3), torch.optim.Adam([Wd, vd], 1e-3)
for step in range(120):
    made = torch.randn(32, 4) @ Wg
    loss = bce(judge(torch.randn(32, 2) + 1), ones) + bce(judge(made), zeros)
    loss.backward()
    other.step()
    for w in (Wg, Wd, vd):
        w.grad = None
    bce(judge(torch.randn(32, 4) @ Wg), ones).backward()
    one.step()
    for w in (Wg, Wd, vd):
        w.grad = None
"""
    verdict = judged(text)
    assert alarms(verdict) == []
    assert [gap.reason for gap in verdict.unseen] == ["duel"]


def test_gradients_that_nobody_follows_are_not_judged(judged):
    text = changed(BY_HAND, "        p.data -= 0.5 * p.grad\n", "        p.grad\n")
    verdict = judged(text)
    assert verdict.findings == []
    assert [gap.reason for gap in verdict.unseen] == ["model"]


def test_no_function_mode_stays_behind(written):
    from torch.overrides import _get_current_function_mode_stack

    watch_script(written(BY_HAND))
    assert _get_current_function_mode_stack() == []
    assert not re.search("koubai", repr(__import__("torch").Tensor.backward))


EQUAL = """
import torch
torch.manual_seed(0)
x = torch.randn(300, 5)
t = (x @ torch.randn(5, 4)).argmax(1)
W1 = torch.full({first}, 0.1, requires_grad=True)
W2 = {second}.requires_grad_()
for step in range(200):
    loss = torch.nn.functional.cross_entropy(torch.tanh({product}) @ W2, t)
    loss.backward()
    with torch.no_grad():
        for w in (W1, W2):
            w -= 0.5 * w.grad
            w.grad = None
"""


@pytest.mark.parametrize(
    ("first", "product", "second", "named"),
    [
        ("(5, 16)", "x @ W1", "torch.full((16, 4), 0.1)", True),
        ("(16, 5)", "x @ W1.T", "torch.full((16, 4), 0.1)", True),
        ("(5, 16)", "x @ W1", "0.3 * torch.randn(16, 4)", False),
    ],
)
def test_units_of_a_matrix_that_start_equal_and_stay_so(first, product, second, named, written):
    path = written(EQUAL.format(first=first, product=product, second=second))
    verdict, _ = judge_script(path, trials=ScriptTrials(0))
    assert ("symmetric_init" in [finding.name for finding in verdict.findings]) is named
