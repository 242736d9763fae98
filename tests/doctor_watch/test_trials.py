"""Trials on forks of a program: they tell which way its rate is wrong, in whatever style it is written."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from koubai.doctor.diagnoses.diagnosis import CURED
from koubai.doctor.diagnoses.learning_rate_too_low import LearningRateTooLow
from koubai.doctor.patient.beside import levels
from koubai.doctor.patient.clinic import Change
from koubai.doctor.trials.fork_clinic import ForkClinic
from koubai.doctor.trials.forks import Snapshot
from koubai.doctor.trials.meter import Meter
from koubai.doctor.trials.orders import Answer
from support.scripts import TWO_ARGUMENTS

HEAD = f"""
import sys, time
import torch
from torch import nn
torch.manual_seed(0)
RATE = float(sys.argv[1])
x = torch.randn(512, 12)
t = (x[:, :4] @ torch.randn(4, 5) + 0.3 * torch.tanh(x[:, 4:9])).argmax(1)
{TWO_ARGUMENTS}
def batches(steps):
    for _ in range(steps):
        rows = torch.randint(0, 512, (64,))
        yield x[rows], t[rows]
"""
STYLES = {
    "plain loop": """
net = Net()
opt = torch.optim.SGD(net.parameters(), 0.3 * RATE, momentum=0.9)
for a, b in batches(240):
    opt.zero_grad()
    nn.CrossEntropyLoss()(net(a, 1.0), b).backward()
    opt.step()
""",
    "function": """
def fit(net, steps):
    opt = torch.optim.Adam(net.parameters(), lr=0.01 * RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: 1.0)
    for a, b in batches(steps):
        loss = -net(a, 1.0).log_softmax(1)[torch.arange(len(b)), b].mean()
        loss.backward()
        opt.step()
        schedule.step()
        opt.zero_grad()
fit(Net(), 240)
""",
    "class": """
class Trainer:
    def __init__(self, net):
        self.net, self.opt = net, torch.optim.AdamW(net.parameters(), lr=0.01 * RATE)
    def training_step(self, batch):
        loss = nn.functional.cross_entropy(self.net(batch[0], scale=1.0), batch[1])
        self.opt.zero_grad(set_to_none=True)
        loss.backward()
        self.opt.step()
        return loss.item()
    def fit(self, steps):
        with open("losses.txt", "w") as file:
            for step, batch in enumerate(batches(steps)):
                file.write(f"{step} {self.training_step(batch)}\\n")
                file.flush()
Trainer(Net()).fit(240)
""",
    "generator": """
def losses(net, opt):
    for a, b in batches(240):
        opt.zero_grad()
        loss = (net(a, 1.0) - nn.functional.one_hot(b, 5)).square().mean()
        loss.backward()
        opt.step()
        yield loss.item()
net = Net()
list(losses(net, torch.optim.RMSprop(net.parameters(), lr=0.005 * RATE)))
""",
}
DRIVER = """
import json, sys
from pathlib import Path
from koubai.doctor.trials.script import ScriptTrials
from koubai.doctor.script import judge_script
for name in sys.argv[2:]:
    for rate in sys.argv[1].split(","):
        verdict, _ = judge_script(Path(name), [rate], trials=ScriptTrials(3.0))
        said = verdict.to_dict()
        alarms = [f["name"] for f in said["findings"] if f["severity"] != "info"]
        print(json.dumps([name, rate, said["verdict"], alarms, said["trials"], said["findings"][:1]]))
"""


EXPECTED = {"0.0005": "learning_rate_too_low", "1": None, "200": "learning_rate_too_high"}
REFUSED = {  # in one process: what outlives its program stands last
    "inner": """
net = Net()
opt = torch.optim.LBFGS(net.parameters(), 1e-9, max_iter=2)
""",
    "silent": """
net = Net()
opt = torch.optim.SGD(net.parameters(), 1e-6)
sign = -1
""",
    "by_hand": """
net = Net()
class Own:
    def zero_grad(self):
        for w in net.parameters():
            w.grad = None
    def step(self, closure):
        closure()
        with torch.no_grad():
            for w in net.parameters():
                w -= 1e-6 * w.grad
opt = Own()
""",
    "shared": """
import mmap
with open("kept", "w+b") as file:
    file.truncate(4096)
    kept = mmap.mmap(file.fileno(), 4096)
net = Net()
opt = torch.optim.SGD(net.parameters(), 1e-6)
""",
    "threads": """
import threading
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
net = Net()
opt = torch.optim.SGD(net.parameters(), 1e-6)
""",
}
LOOP = """
for a, b in batches(60):
    def closure():
        opt.zero_grad()
        loss = globals().get("sign", 1) * nn.functional.cross_entropy(net(a, 1.0), b)
        loss.backward()
        return loss
    opt.step(closure)
"""
WORLD = """
net = Net()
opt = torch.optim.SGD(net.parameters(), 1e-6)
import os, subprocess
for step, (a, b) in enumerate(batches(60)):
    opt.zero_grad()
    nn.functional.cross_entropy(net(a, 1.0), b).backward()
    opt.step()
    if step == 12:
        with open("log.txt", "a") as file:
            file.write("written\\n")
        os.mkdir("made")
        subprocess.run(["sh", "-c", "echo started >> log.txt"], check=True)
print("random", torch.rand(1).item())
"""


def told(tmp_path, programs, rates=EXPECTED):
    for name, text in programs.items():
        (tmp_path / f"{name}.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, ",".join(rates), *(f"{name}.py" for name in programs)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=200,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


class Sleepers:
    """Forks whose answers are given: `answer(order)` returns the losses of a trial, or raises."""

    way, refused = "fork", ""

    def __init__(self, answer):
        self.meter = Meter()
        self.meter.losses = [list(np.linspace(2.0, 1.8, 200))]
        self.snapshots, self.answer, self.asked = [Snapshot(0, -1, -1)], answer, []

    def nearest(self, step):
        return self.snapshots[0]

    def ask(self, snapshot, orders):
        self.asked += orders
        return {o.number: Answer(o.number, self.answer(o), made=1, cpu=0.1) for o in orders}

    def close(self):
        self.snapshots = []


def answered(order):
    rate = order.change.value or 1.0
    return [2.0 - min(1.5, 0.2 * rate * step / 199) for step in range(order.steps)]


def test_no_trial_counts_where_the_unchanged_fork_does_otherwise():
    forks = Sleepers(lambda order: [1.9] * order.steps)
    clinic = ForkClinic(forks)
    assert clinic.trial(Change("learning_rate", 10.0), start=0, steps=200) is None
    assert clinic.trouble == "differs"
    assert [order.change.name for order in forks.asked] == ["nothing"]


def test_trials_cost_no_more_than_the_run_and_are_held_against_it():
    forks = Sleepers(answered)
    clinic = ForkClinic(forks)
    trial = clinic.trial(Change("learning_rate", 100.0), start=0, steps=200)
    reached = levels(trial)
    assert reached.changed == pytest.approx(0.5)
    assert reached.unchanged > reached.run > 1.79
    assert reached.relief == pytest.approx((reached.run - 0.5) / (reached.start - 0.5))
    for factor in (0.1, 10.0, 0.01, 1000.0):
        clinic.trial(Change("learning_rate", factor), start=0, steps=200)
    for name in ("clip", "reset_gradients", "train_mode", "no_decay"):
        clinic.trial(Change(name), start=0, steps=200)
    assert sum(order.steps for order in forks.asked) <= 200


def test_a_change_far_ahead_is_given_more_updates_where_it_has_not_passed_the_end_of_the_run_yet():
    def answer(order):  # adam falls 3.5 times as fast as the run; so it has passed its end after 60 updates
        slope = 0.0035 if order.change.name == "adam" else 0.001
        return [2.0 - slope * step for step in range(order.steps)]

    forks = Sleepers(answer)
    forks.meter.losses = [[2.0 - 0.001 * step for step in range(200)]]
    clinic = ForkClinic(forks)
    trial = clinic.trial(Change("adam", 1e-3), start=0, steps=200)
    assert [order.steps for order in forks.asked] == [20, 50, 100]
    assert levels(trial).gain > 0
    assert sum(order.steps for order in forks.asked) <= 200


def test_no_schedule_is_taken_away_where_there_is_none():
    forks = Sleepers(answered)
    clinic = ForkClinic(forks)
    assert clinic.trial(Change("no_schedule"), start=0, steps=200) is None
    forks.meter.constant_rate = False
    assert clinic.trial(Change("no_schedule"), start=0, steps=200) is not None


def test_the_change_that_wins_a_race_counts_for_the_remedy_it_is():
    def answer(order):  # only a thousandfold rate learns
        slope = 0.004 if order.change.value == 1000.0 else 0.001
        return [2.0 - slope * step for step in range(order.steps)]

    forks = Sleepers(answer)
    forks.meter.losses = [[2.0 - 0.001 * step for step in range(200)]]
    clinic = ForkClinic(forks, 3.0)
    found = {
        name: clinic.trial(Change("remedy", path=name), start=0, steps=200)
        for name in LearningRateTooLow.remedies
        if name.startswith("raise")
    }
    reliefs = {name: levels(trial).relief for name, trial in found.items()}
    assert reliefs.pop("raise_learning_rate_thousandfold") > CURED
    assert set(reliefs.values()) == {0.0}


def test_ctrl_c_keeps_what_is_known():
    def answer(order):
        if order.change.name == "clip":
            raise KeyboardInterrupt
        return answered(order)

    clinic = ForkClinic(Sleepers(answer), 6.0)
    first = clinic.trial(Change("reset_gradients"), start=0, steps=200)
    assert first is not None
    assert clinic.trial(Change("clip", 1.0), start=0, steps=200) is None
    assert clinic.trouble == "interrupted"
    assert len(clinic.told) == 1


linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")


@pytest.mark.long
@linux
def test_a_trial_tells_which_way_the_rate_is_wrong(tmp_path):
    said, _ = told(tmp_path, {name: HEAD + body for name, body in STYLES.items()})
    assert len(said) == len(STYLES) * len(EXPECTED)
    for name, rate, verdict, alarms, trials, findings in said:
        if EXPECTED[rate] is None:
            assert verdict == "healthy", name
            assert alarms == [], name
            continue
        assert alarms[:1] == [EXPECTED[rate]], (name, rate, verdict, trials)
        assert trials["made"]
        helped = [
            trial
            for trial in findings[0]["trials"]
            if trial["loss"] < trial["unchanged_loss"] and trial["loss"] < trial["run_loss"]
        ]
        assert helped, (name, rate)
        assert {trial["way"] for trial in helped} == {"fork"}
    assert len((tmp_path / "losses.txt").read_text().splitlines()) == 240  # no fork wrote into it


@linux
@pytest.mark.long
def test_where_no_process_can_be_forked_the_reason_is_said(tmp_path):
    said, _ = told(tmp_path, {name: HEAD + body + LOOP for name, body in REFUSED.items()}, ["1"])
    assert {name.removesuffix(".py"): trials["not_run"] for name, _, _, _, trials, _ in said} == {
        name: name for name in REFUSED
    }
    assert all(trials["says"].startswith("Trials not run") for _, _, _, _, trials, _ in said)


@linux
@pytest.mark.long
def test_a_trial_acts_on_nothing_outside(tmp_path):
    said, printed = told(tmp_path, {"world": HEAD + WORLD}, ["1"])
    assert said[0][4]["made"] + bool(said[0][4]["not_run"])
    assert (tmp_path / "log.txt").read_text() == "written\nstarted\n"
    assert printed.count("random") == 1


COUNTS = """
import atexit, mmap, multiprocessing
lock, counter = multiprocessing.RLock(), mmap.mmap(-1, 4096)  # as progress bars and shared tensors are
atexit.register(lambda: print("counted", counter[0], file=sys.stderr))
net = Net()
opt = torch.optim.SGD(net.parameters(), 1e-4)
for a, b in batches(100):
    with lock:
        counter[0] += 1
    opt.zero_grad()
    nn.functional.cross_entropy(net(a, 1.0), b).backward()
    opt.step()
"""


@linux
@pytest.mark.long
def test_memory_that_is_shared_is_a_forks_own(tmp_path):
    said, printed = told(tmp_path, {"counts": HEAD + COUNTS}, ["1"])
    assert said[0][4]["made"] > 1
    assert said[0][3] == ["learning_rate_too_low"]
    assert "counted 100" in printed  # trials, made while it still counts, changed nothing


LOOP_FAULTS = {
    "schedule_each_batch": """
opt = torch.optim.SGD(net.parameters(), 0.3, momentum=0.9)
schedule = torch.optim.lr_scheduler.StepLR(opt, 5)
for a, b in batches(240):
    opt.zero_grad()
    nn.functional.cross_entropy(net(a, 1.0), b).backward()
    opt.step()
    schedule.step()
""",
    "cosine": """
opt = torch.optim.SGD(net.parameters(), 0.3, momentum=0.9)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 240)
for a, b in batches(240):
    opt.zero_grad()
    nn.functional.cross_entropy(net(a, 1.0), b).backward()
    opt.step()
    schedule.step()
""",
    "summed": """
opt = torch.optim.SGD(net.parameters(), 8.0, momentum=0.9)
for number, (a, b) in enumerate(batches(16 * 120), 1):
    nn.functional.cross_entropy(net(a, 1.0), b).backward()
    if number % 16 == 0:
        opt.step()
        opt.zero_grad()
""",
    "summed_at_a_rate_for_it": """
opt = torch.optim.SGD(net.parameters(), 0.03, momentum=0.9)
for number, (a, b) in enumerate(batches(16 * 120), 1):
    nn.functional.cross_entropy(net(a, 1.0), b).backward()
    if number % 16 == 0:
        opt.step()
        opt.zero_grad()
""",
}


@pytest.mark.long
@linux
def test_faults_of_the_loop_are_named_by_their_cause_and_look_alikes_are_not(tmp_path):
    said, _ = told(
        tmp_path, {name: f"{HEAD}\nnet = Net()\n{body}" for name, body in LOOP_FAULTS.items()}, ["1"]
    )
    names = {name.removesuffix(".py"): alarms for name, _, _, alarms, _, _ in said}
    assert names["schedule_each_batch"][:1] == ["schedule_too_fast"]
    assert names["summed"][:1] == ["gradients_summed"]
    assert names["cosine"] == names["summed_at_a_rate_for_it"] == []


CLIPPED = (
    HEAD
    + """
most = RATE
net = Net()
opt = torch.optim.SGD(net.parameters(), 0.5 if most > 0.1 else 0.1)
for a, b in batches(240):
    opt.zero_grad()
    nn.CrossEntropyLoss()(net(a, 1.0), b).backward()
    nn.utils.clip_grad_norm_(net.parameters(), most)
    opt.step()
"""
)


@pytest.mark.long
@linux
def test_a_clipping_that_holds_every_update_back_is_named_with_its_line(tmp_path):
    (tight, loose), _ = told(tmp_path, {"clipped": CLIPPED}, ["0.0005", "0.4"])
    assert tight[3][:1] == ["learning_rate_too_low"]
    found = tight[5][0]
    assert found["details"]["fault"] == "clipped"
    assert found["details"]["share"] == 1.0
    assert 0 < found["details"]["ratio"] < 0.01
    line = next(i for i, text in enumerate(CLIPPED.splitlines(), 1) if "clip_grad_norm_" in text)
    assert found["place"] == {"file": "clipped.py", "line": line, "role": "clipping"}
    assert loose[3] == []  # clipped nearly always, too, and learns


LOUD = """
import sys, torch
from torch import nn
from torch.nn import functional as F
torch.manual_seed(0)
text = torch.randint(0, 20, (3000,))
for i in range(3000):
    if i % 3:
        text[i] = (text[i - 1] * 7 + 3) % 20
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.last = nn.Embedding(20, 64), nn.Linear(64, 20, bias=False)
        self.last.weight = self.embed.weight
        nn.init.normal_(self.embed.weight, 0, 3 * float(sys.argv[1]))
    def forward(self, x):
        return self.last(self.embed(x))
net = Net()
opt = torch.optim.AdamW(net.parameters(), 1e-3)
for _ in range(200):
    rows = torch.randint(0, 2999, (64, 1)) - torch.arange(6)
    F.cross_entropy(net(text[rows]).reshape(-1, 20), text[rows + 1].reshape(-1)).backward()
    opt.step()
    opt.zero_grad()
"""


@linux
@pytest.mark.long
def test_a_first_loss_far_above_that_of_knowing_nothing_is_named_where_other_weights_learn(tmp_path):
    (loud, calm), _ = told(tmp_path, {"loud": LOUD}, ["1", "0.02"])
    assert loud[3][:1] == ["init_too_large"]
    found = loud[5][0]
    assert found["details"]["fault"] == "first_loss"
    assert found["relief"] > CURED
    assert calm[3] == []


BREAKS = """
import torch
from torch import nn
from torch.nn import functional as F
torch.manual_seed(0)
x = torch.randn(400, 6)
t = (x @ torch.randn(6, 3)).argmax(1)
net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
opt = torch.optim.SGD(net.parameters(), 0.05)
mask = torch.full((3, 3), float("-inf")).triu(1)
given = torch.tensor([float("nan"), 0.0])
for step in range(40):
    rows = torch.randint(0, 400, (32,))
    h = net(x[rows])
    seen = torch.softmax(h[:, None] + mask, 2).sum(1)
    loss = F.cross_entropy(h, t[rows]) + 0.01 * seen.square().mean()
    late = int(step > 24)
    {breaks}
    opt.zero_grad()
    loss.backward()
    opt.step()
"""
OPERATIONS = {
    "value": ("in_value", "log", "loss = loss - 0.01 * torch.softmax(400 * late * h, 1).log().mean()"),
    "slope": (
        "in_gradient",
        "sqrt",
        "loss = loss + 0.01 * ((h - h[:1]).square().sum(1) + 1 - late).sqrt().mean()",
    ),
    "divided": ("in_value", "/", "loss = loss + 0.01 * h.mean() / (h.mean() * (1 - late))"),
    "masked": (
        "in_value",
        "softmax",
        "loss = loss + torch.softmax(h.masked_fill(h < 99 * late - 50, float('-inf')), 1).max()",
    ),
    "given": ("in_input", "getitem", "loss = loss + 0.01 * (h * given[1 - late]).mean()"),
    "ends": ("in_value", "exp", "loss = loss + (900 * late * h).exp().mean(); assert loss.isfinite(), 'NaN'"),
    "diverges": (
        "",
        None,
        "opt.param_groups[0]['lr'] = 1e9 if late else 0.05; loss = loss + h.square().mean()",
    ),
}


@pytest.mark.long
@linux
def test_the_first_operation_that_is_not_finite_is_named_with_its_line(tmp_path):
    programs = {name: BREAKS.replace("{breaks}", line) for name, (_, _, line) in OPERATIONS.items()}
    said, _ = told(tmp_path, programs, ["1"])
    assert len(said) == len(OPERATIONS)
    for file, _, verdict, alarms, _, findings in said:
        fault, operation, line = OPERATIONS[file.removesuffix(".py")]
        assert verdict == "findings", file
        if not fault:  # what led there is told; that numbers overflow in the end is no news
            assert all(not finding["details"].get("fault", "").startswith("in_") for finding in findings)
            continue
        assert alarms[0] == "not_finite", file
        assert findings[0]["details"]["fault"] == fault, file
        assert findings[0]["details"]["operation"] == operation, file
        number = next(i for i, text in enumerate(BREAKS.splitlines(), 1) if "{breaks}" in text)
        assert findings[0]["place"] == {"file": file, "line": number, "role": "operation"}, (file, line)


PRODUCTS = """
import sys
import torch
from torch import nn
torch.manual_seed(0)
u, v = torch.randint(0, 60, (3000,)), torch.randint(0, 50, (3000,))
a, b = torch.randn(60, 3), torch.randn(50, 3)
t = 0.5 * (a[u] * b[v]).sum(1)
users, things = nn.Embedding(60, 48), nn.Embedding(50, 48)
for table in (users, things):
    nn.init.normal_(table.weight, std=float(sys.argv[1]))

class Likes(nn.Module):
    def __init__(self):
        super().__init__()
        self.users, self.things = users, things
    def forward(self, u, v):
        return (self.users(u) * self.things(v)).sum(1)

net = Likes()
opt = torch.optim.Adam(net.parameters(), 2e-3)
for step in range(400):
    rows = torch.randint(0, 3000, (64,))
    loss = nn.functional.mse_loss(net(u[rows], v[rows]), t[rows])
    opt.zero_grad()
    loss.backward()
    opt.step()
"""


@linux
@pytest.mark.long
def test_products_of_embeddings_that_start_too_large_are_named_where_smaller_ones_learn(tmp_path):
    (large, small), _ = told(tmp_path, {"products": PRODUCTS}, ["1", "0.1"])
    assert large[3][:1] == ["init_too_large"]
    assert large[5][0]["details"]["fault"] == "first_values"
    assert large[5][0]["relief"] > CURED
    assert small[3] == []
