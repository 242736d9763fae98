"""Scripts run under watch without a change in them."""

import subprocess
import sys

import pytest

from koubai.doctor.script import judge_script, watch_script

SCRIPT = """
import sys
import torch
from torch import nn
from neighbor import WIDTH

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, WIDTH), nn.Linear(WIDTH, 3)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))

def main():
    assert __name__ == "__main__"
    torch.manual_seed(0)
    model = Net()
    if "--zero" in sys.argv:
        for p in model.parameters():
            nn.init.zeros_(p)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss()
    t = torch.randint(0, 3, (600,))
    x = torch.eye(4)[t] * 2 + torch.randn(600, 4)
    for step in range(150):
        rows = torch.randint(0, 500, (50,))
        optimizer.zero_grad()
        criterion(model(x[rows]), t[rows]).backward()
        optimizer.step()
        if step == 100 and "--crash" in sys.argv:
            raise ValueError("no more")
    print("done", model(x[500:]).argmax(1).eq(t[500:]).float().mean().item())

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "neighbor.py").write_text("WIDTH = 8\n")
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    yield path
    sys.modules.pop("neighbor", None)


def test_a_healthy_script_has_no_findings_and_keeps_standard_output_clean(script, capsys):
    argv, path = list(sys.argv), list(sys.path)
    assert judge_script(script)[0].findings == []
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "done" in printed.err
    assert (sys.argv, sys.path) == (argv, path)


def test_the_name_of_what_is_wrong_comes_out(script):
    findings = judge_script(script, ["--zero"])[0].findings
    assert [(finding.code, finding.name, finding.layer) for finding in findings[:1]] == [
        ("K006", "symmetric_init", "first")
    ]


def test_a_script_that_fails_is_examined_up_to_there(script, capsys):
    outcome = watch_script(script, ["--crash"])
    watch = outcome.watch
    assert (watch.seen.step, outcome.code, outcome.failure) == (101, 1, "ValueError: no more")
    assert [layer.kind for layer in watch.patient().layers] == ["linear", "relu", "linear"]
    assert judge_script(script, ["--crash"])[0].findings == []
    assert "101" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("last", "reason"),
    [("net(x)", "nothing"), ("torch.autograd.grad((w * x).sum(), w)", "model"), ("sys.exit(5)", "died")],
)
def test_a_script_without_training_that_can_be_seen_keeps_its_exit_code(tmp_path, last, reason):
    path = tmp_path / "nothing.py"
    begin = "import sys, torch\nnet, x = torch.nn.Linear(2, 2), torch.zeros(1, 2)\n"
    begin += "w = torch.ones(2, requires_grad=True)\n"
    path.write_text(f"{begin}{last}\n")
    verdict, code = judge_script(path)
    assert code == (5 if "exit" in last else 0)
    assert (verdict.name, [gap.reason for gap in verdict.unseen]) == ("not_judged", [reason])


ASLEEP = """
import sys
from pathlib import Path
from koubai.doctor.script import judge_script
from koubai.doctor.trials.forks import Forks
from koubai.doctor.trials.script import ScriptTrials
taken, close = [], Forks.close
Forks.close = lambda forks: (taken.append(len(forks.snapshots)), close(forks))
trials = ScriptTrials(1.0)
judge_script(Path(sys.argv[1]), trials=trials)
print(taken, trials._forks.snapshots)
"""


def test_no_snapshot_stays_asleep_where_nothing_is_asked_of_it(tmp_path):
    (tmp_path / "nothing.py").write_text("import torch\ntorch.nn.Linear(2, 2)(torch.zeros(1, 2))\n")
    done = subprocess.run(  # in a process of its own: this one may have threads, and then nothing is taken
        [sys.executable, "-c", ASLEEP, str(tmp_path / "nothing.py")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[1] []"


@pytest.mark.parametrize(
    ("there", "instead", "name"),
    [
        ("        optimizer.step()\n", "", "not_training"),
        ("        optimizer.zero_grad()\n", "", "gradients_not_reset"),
        ("(model.parameters(), lr", "(Net().parameters(), lr", "not_training"),
    ],
)
def test_a_fault_of_the_loop_itself_comes_out(script, there, instead, name):
    assert there in SCRIPT
    script.write_text(SCRIPT.replace(there, instead))
    assert judge_script(script)[0].findings[0].name == name
