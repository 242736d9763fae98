"""Trials where no process can be forked: the script is run again, with the change made from outside."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

from koubai.doctor.patient.clinic import Change
from koubai.doctor.trials.meter import Meter
from koubai.doctor.trials.orders import TrialOrder
from koubai.doctor.trials.reruns import Reruns, Script, run_all
from support.scripts import TWO_ARGUMENTS

# No seed of its own, a loader with workers, a thread, a file that it writes, another that it reads.
PROGRAM = f"""
import sys, threading, time
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
{TWO_ARGUMENTS}
net = Net()
opt = torch.optim.SGD(net.parameters(), float(sys.argv[1]), momentum=0.9)
x = torch.randn(512, 12)
t = (x[:, :4] @ torch.randn(4, 5)).argmax(1)
if __name__ == "__main__":
    with open("losses.txt", "w") as file:
        for epoch in range(int(sys.argv[2])):
            for a, b in DataLoader(TensorDataset(x, t), 64, shuffle=True, num_workers=2):
                opt.zero_grad()
                loss = nn.functional.cross_entropy(net(a, 1.0), b)
                loss.backward()
                opt.step()
                file.write(f"{{loss.item()}}\\n")
    print("accuracy", (net(x, 1.0).argmax(1) == t).float().mean().item())
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path / "program.py"


@pytest.mark.long
def test_a_script_is_run_again_the_same_each_time_and_writes_nothing(program):
    (program.parent / "losses.txt").write_text("before")
    again = Reruns(Script(str(program), ("0.001", "2")), Meter())
    orders = [
        TrialOrder(1, Change("nothing"), 16),
        TrialOrder(2, Change("nothing"), 4),
        TrialOrder(3, Change("learning_rate", 300.0), 16),
    ]
    found = again.ask(again.nearest(0), orders)
    assert [len(found[number].losses) for number in (1, 2, 3)] == [16, 4, 16]
    assert found[2].losses == found[1].losses[:4]
    assert found[3].losses[0] == found[1].losses[0]  # before the first update
    assert np.mean(found[3].losses[-4:]) < 0.8 * np.mean(found[1].losses[-4:])
    assert (program.parent / "losses.txt").read_text() == "before"


def test_a_script_that_wants_out_or_dies_is_no_trial(program):
    program.write_text("import subprocess\nsubprocess.run(['true'])\n")
    again = Reruns(Script(str(program)), Meter())
    answer = again.ask(again.nearest(0), [TrialOrder(1, Change("nothing"), 4)])[1]
    assert not answer.losses
    assert answer.ended.startswith("subprocess.Popen")


@pytest.mark.slow
def test_with_try_a_rate_is_named_although_nothing_can_be_forked(program):
    def doctor(*flags):
        command = [
            sys.executable,
            "-m",
            "koubai.cli.process",
            "doctor",
            "program.py",
            *flags,
            "--",
            "1e-4",
            "20",
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=300, check=False
        )

    alone = doctor()
    assert "--try" in alone.stdout
    tried = doctor("--try")
    assert tried.returncode == 3
    assert "K010" in tried.stdout
    assert "running the script again" in tried.stdout
    assert len((program.parent / "losses.txt").read_text().splitlines()) == 160


@pytest.mark.long
def test_a_whole_run_says_what_it_printed_and_seeds_move_also_where_the_script_sets_its_own(tmp_path):
    path = tmp_path / "whole.py"
    path.write_text(
        "import random, sys\nimport numpy as np\nimport torch\ntorch.manual_seed(3)\n"
        "net = torch.nn.Linear(4, 1)\nopt = torch.optim.SGD(net.parameters(), 0.1)\n"
        "x = torch.tensor(np.random.default_rng(0).normal(size=(32, 4)), dtype=torch.float32)\n"
        "for i in range(6):\n    opt.zero_grad()\n    loss = net(x).square().mean()\n"
        "    loss.backward()\n    opt.step()\n"
        "print('drawn', random.random(), np.random.rand(), np.random.default_rng().random())\n"
        "print('loss', loss.item())\nsys.exit(0)\n"
    )
    orders = [TrialOrder(0, Change("nothing"), 0, seed=seed, whole=True) for seed in (0, 1, 1)]
    first, second, again = run_all(Script(str(path)), orders)
    for answer in (first, second, again):
        assert (len(answer.losses), answer.ended, answer.speaks) == (6, "end", True)
        assert answer.printed.splitlines()[-1] == f"loss {answer.losses[-1]}"
        assert answer.cpu > 0
    assert (second.losses, second.printed) == (again.losses, again.printed)
    assert first.losses != second.losses
    torch.manual_seed(3)
    net = torch.nn.Linear(4, 1)
    x = torch.tensor(np.random.default_rng(0).normal(size=(32, 4)), dtype=torch.float32)
    assert first.losses[0] == pytest.approx(net(x).square().mean().item())  # the script's own seeds


@pytest.fixture
def hears_ctrl_c():
    """Ctrl-C is heard, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_ends_all_runs(tmp_path):
    path = tmp_path / "endless.py"
    path.write_text("import time, pathlib\nwhile True:\n    time.sleep(0.1)\n")
    script, orders = Script(str(path)), [TrialOrder(i, Change("nothing"), 0, whole=True) for i in range(3)]
    begun = time.monotonic()
    stop = threading.Timer(1.0, os.kill, [os.getpid(), signal.SIGINT])
    stop.start()
    with pytest.raises(KeyboardInterrupt):
        list(run_all(script, orders))
    assert time.monotonic() - begun < 120  # a bound for what hangs
