"""Findings point at the line of the program they are about."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import koubai
from koubai.doctor.answer.sarif import sarif
from koubai.doctor.answer.tell import tell_verdict
from koubai.doctor.script import judge_script
from koubai.doctor.watch.program.places import Births

SCRIPT = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.second = nn.Linear(8, 3)  # LAYER

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))

torch.manual_seed(0)
model = Net()
t = torch.randint(0, 3, (600,))
x = torch.eye(4)[t] * 2 + torch.randn(600, 4)
optimizer = torch.optim.SGD(HANDED)  # OPTIMIZER
for step in range(60):
    loss = nn.functional.cross_entropy(TAKEN, t)  # LOSS
    RESET
    loss.backward()  # BACKWARD
    optimizer.step()
"""
SOUND = {
    "HANDED": "model.parameters(), lr=0.1",
    "TAKEN": "model(x)",
    "RESET": "optimizer.zero_grad()",
}


def line_of(text, mark):
    return next(number for number, line in enumerate(text.splitlines(), 1) if line.endswith(f"# {mark}"))


@pytest.mark.parametrize(
    ("fault", "name", "mark", "role"),
    [
        ({"RESET": "pass"}, "gradients_not_reset", "BACKWARD", "backward"),
        ({"TAKEN": "model(x).softmax(0)"}, "output_loss_mismatch", "LOSS", "loss"),
        ({"HANDED": "model.parameters(), lr=1e-3"}, "learning_rate_too_low", "OPTIMIZER", "optimizer"),
    ],
)
def test_text_json_and_sarif_show_the_line(tmp_path, monkeypatch, fault, name, mark, role):
    text = SCRIPT
    for key, value in (SOUND | fault).items():
        text = text.replace(key, value)
    path = tmp_path / "train.py"
    path.write_text(text)
    monkeypatch.chdir(tmp_path)
    verdict, _ = judge_script(path)
    finding = verdict.findings[0]
    line = line_of(text, mark)
    assert finding.name == name
    assert json.loads(json.dumps(finding.to_dict()))["place"] == {
        "file": "train.py",
        "line": line,
        "role": role,
    }
    assert f"train.py:{line}" in tell_verdict(verdict)
    location = sarif(verdict, "train.py")["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location == {
        "artifactLocation": {"uri": "train.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": line},
    }


def test_a_layer_is_where_it_is_made_and_a_subclass_where_it_is_called_into_being():
    births = Births()

    class Own(nn.Module):
        def __init__(self):
            births.note(self, "layer")
            super().__init__()

    made = Own()  # HERE
    with Path(__file__).open() as file:
        assert births.of(made).line == line_of(file.read(), "HERE")
    assert births.of(nn.ReLU()) is None
    del made
    assert not births._known


def test_under_watch_the_loss_is_where_the_program_computes_it():
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(3):
            loss = nn.functional.cross_entropy(model(torch.randn(8, 3)), torch.randint(0, 2, (8,)))  # THIS
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    place = watch.patient().places["loss"]
    with Path(__file__).open() as file:
        assert (place.file, place.line) == (__file__, line_of(file.read(), "THIS"))
