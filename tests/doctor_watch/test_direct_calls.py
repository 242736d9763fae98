"""Programs that call `forward` itself: hooks hear nothing of that, and the doctor still does."""

import json

import pytest
import torch
from torch import nn

from koubai.doctor.script import judge_script
from koubai.doctor.watch.search import ModelSearch, owner_of
from support.host import host

SCRIPT = """
import sys
import torch
from torch import nn

class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRU(4, 12, batch_first=True)
        self.out = nn.Linear(12, 3)

    def forward(self, x):
        states, _ = self.cell.forward(x)
        return self.out.forward(states[:, -1])

torch.manual_seed(0)
model, loss = Reader(), nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=float(sys.argv[1]))
t = torch.randint(0, 3, (512,))
x = torch.randn(512, 6, 4)
x[torch.arange(512), torch.randint(0, 6, (512,)), t] += 4
for step in range(240):
    rows = torch.randint(0, 400, (40,))
    optimizer.zero_grad()
    error = loss.forward(model.forward(x[rows]), t[rows])
    error.backward()
    optimizer.step()
with torch.no_grad():
    print("accuracy", model.forward(x[400:]).argmax(1).eq(t[400:]).float().mean().item())
if "--script" in sys.argv:
    print(torch.jit.script(nn.Linear(2, 2))(torch.ones(1, 2)).shape)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "direct.py"
    path.write_text(SCRIPT)
    return path


JUDGE = """
import json, sys
from pathlib import Path
from koubai.doctor.script import judge_script
from koubai.doctor.trials.script import ScriptTrials
verdict, _ = judge_script(Path(sys.argv[1]), ["1e-6"], trials=ScriptTrials(3.0))
print("VERDICT", json.dumps(verdict.to_dict()))
"""


@pytest.mark.long
def test_a_rate_far_too_low_is_named_by_a_trial_where_nobody_calls_the_model(script):
    done = host(JUDGE, str(script))  # a process of its own: it is forked
    told = next(line for line in done.stdout.splitlines() if line.startswith("VERDICT "))
    verdict = json.loads(told.removeprefix("VERDICT "))
    assert [finding["name"] for finding in verdict["findings"]] == ["learning_rate_too_low"], done.stderr
    assert verdict["trials"]["made"], verdict["trials"]
    assert verdict["trials"]["way"] == "fork"
    assert verdict["unseen"] == []  # it is not said beside it that no cause was found


def test_a_healthy_one_is_healthy_and_every_class_has_its_own_forward_again(script, capsys):
    own = nn.GRU.forward, nn.Linear.forward, nn.CrossEntropyLoss.forward
    verdict, _ = judge_script(script, ["0.01", "--script"])
    assert verdict.to_dict()["verdict"] == "healthy"
    assert (nn.GRU.forward, nn.Linear.forward, nn.CrossEntropyLoss.forward) == own
    assert "torch.Size([1, 2])" in capsys.readouterr().err


def test_a_call_that_hooks_hear_is_told_once_only(monkeypatch):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    heard = []
    monkeypatch.setattr(ModelSearch, "before_forward", lambda _, module, args: heard.append((module, "call")))
    with ModelSearch() as search:
        search._wires.hear_directly(model)
        model(torch.ones(2, 3))
        for part, times in ((model, 1), (model[0], 1), (model[1], 1), (model[2], 1)):
            assert heard.count((part, "call")) == times
        model.forward(torch.ones(2, 3)).sum().backward()
        optimizer.step()
        for part in (model, *model):
            assert heard.count((part, "call")) == 2


def test_the_owner_of_parameters_is_the_smallest_module_that_holds_them():
    inner = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    outer = nn.ModuleDict({"a": inner, "b": nn.Linear(5, 5)})
    assert owner_of(inner.parameters()) is inner
    assert owner_of([inner[0].weight, outer["b"].weight]) is outer
    assert owner_of([torch.zeros(3, requires_grad=True)]) is None
