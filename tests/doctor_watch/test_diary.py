"""A watched PyTorch training writes itself down while it runs, and never differs from one that does not."""

import json
import warnings
from math import inf

import pytest
import torch
from torch import nn

import koubai
from koubai.core.errors import RunError
from koubai.doctor.answer import diary as diaries
from koubai.doctor.answer.diary import ABOUT, FINDINGS
from koubai.doctor.script import judge_script
from koubai.doctor.watch import keeper
from koubai.page.watch.about import facts, with_state
from koubai.page.watch.follower import Follower
from koubai.page.watch.listing import Listing
from koubai.train.manifest import HISTORY

STEPS = 60


def training(**settings):
    """Train a deep sigmoid network; return its weights, and what is printed of random numbers at the end."""
    torch.manual_seed(3)
    width, layers = 4, []
    for _ in range(8):
        layers += [nn.Linear(width, 8), nn.Sigmoid()]
        width = 8
    model = nn.Sequential(*layers, nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(200, 4)
    t = (x[:, 0] > 0).long()
    with koubai.watch(model, optimizer, budget=0, steps=STEPS, **settings) as watch:
        for _ in range(STEPS):
            rows = torch.randint(0, 200, (20,))
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), t[rows]).backward()
            optimizer.step()
    return watch, [p.detach().clone() for p in model.parameters()], torch.rand(3)


def known(root):
    (place,) = Listing((root,)).look().values()
    return place, with_state(place, facts(place))


@pytest.fixture
def at_once(monkeypatch):
    """Have everything written at every step, and the doctor glance at every twentieth."""
    monkeypatch.setattr(diaries, "EVERY", 0.0)
    monkeypatch.setattr(keeper.DiaryKeeper, "_expected", lambda self: inf if self._seen.step % 20 else -1.0)


def test_weights_and_random_numbers_are_those_of_the_same_run_without_a_folder(tmp_path, at_once):
    plain, weights, drawn = training()
    watch, watched, drawn_then = training(folder=tmp_path / "run")
    assert all(torch.equal(a, b) for a, b in zip(weights, watched, strict=True))
    assert torch.equal(drawn, drawn_then)
    assert watch.seen.failure is None
    place, about = known(tmp_path)
    assert (about["model"], about["planned"], about["state"]) == ("Sequential", STEPS, "ended")
    assert [finding["code"] for finding in about["verdict"]["findings"]] == [f.code for f in plain.findings]
    seen = Follower(place.folder, 1)
    while seen.read(2):
        pass
    steps, losses = watch.seen.record.history.series("loss")
    assert [mean for _, mean, *_ in seen.series["", "loss"].since(0)] == pytest.approx(losses, rel=1e-4)
    assert seen.step == len(steps) == STEPS
    paths = watch.seen.record.history.paths("activation_gradient_rms")
    assert paths == [path for path, quantity in seen.series if quantity == "activation_gradient_rms"]


def test_it_is_written_while_it_runs(tmp_path, at_once, monkeypatch):
    seen = []
    step = torch.optim.SGD.step

    def looked(self, *args, **options):
        if (tmp_path / "run" / HISTORY).exists():
            _, about = known(tmp_path)
            seen.append((about["state"], (tmp_path / "run" / HISTORY).stat().st_size))
        return step(self, *args, **options)

    monkeypatch.setattr(torch.optim.SGD, "step", looked)
    training(folder=tmp_path / "run")
    assert {state for state, _ in seen} == {"running"}
    sizes = [size for _, size in seen]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > STEPS / 2


def test_a_folder_with_a_run_in_it_is_refused_before_anything_is_trained(tmp_path):
    training(folder=tmp_path / "run")
    with pytest.raises(RunError, match="there is a run here already"):
        koubai.watch(nn.Linear(2, 2), folder=tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write this run"):
        koubai.watch(nn.Linear(2, 2), folder=tmp_path / "file" / "run")


def test_what_cannot_be_written_any_more_is_told_once_and_the_training_goes_on(
    tmp_path, at_once, monkeypatch
):
    _, weights, _ = training()
    calls = []

    def full(self, name, data):
        calls.append(name)
        if len(calls) > 5:
            raise OSError(28, "No space left on device")
        return append(self, name, data)

    append = diaries.SafeFolder.append
    monkeypatch.setattr(diaries.SafeFolder, "append", full)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        watch, watched, _ = training(folder=tmp_path / "run")
    assert sum("no longer written" in str(one.message) for one in told) == 1
    assert len(calls) == 6
    assert all(torch.equal(a, b) for a, b in zip(weights, watched, strict=True))
    assert watch.seen.step == STEPS


SCRIPT = """
import sys
import torch
from torch import nn
torch.manual_seed(0)
small, large = nn.Linear(4, 2), nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
x = torch.randn(64, 4)
t = (x[:, 0] > 0).long()
for model, steps in ((small, 5), (large, 40)):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), t).backward()
        optimizer.step()
if "--crash" in sys.argv:
    raise ValueError("no more")
"""


@pytest.mark.parametrize(("arguments", "state"), [([], "ended"), (["--crash"], "died")])
def test_a_script_writes_down_the_model_that_it_trains_most(tmp_path, at_once, arguments, state, capfd):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    judge_script(script, arguments, folder=tmp_path / "runs" / "mine")
    place, about = known(tmp_path / "runs")
    assert (about["state"], about["model"]) == (state, "Sequential")
    seen = Follower(place.folder, 1)
    while seen.read(2):
        pass
    assert seen.fault is None
    assert seen.step >= 39, "the first update of a model that comes later may go by unseen"


def test_what_is_written_is_plain(tmp_path, at_once):
    training(folder=tmp_path / "run")
    names = {file.name for file in (tmp_path / "run").iterdir()}
    assert names == {ABOUT, FINDINGS, HISTORY}
    verdict = json.loads((tmp_path / "run" / FINDINGS).read_text())
    assert verdict["verdict"] in ("findings", "healthy", "not_judged")
    assert {"en", "ja"} == set(verdict["findings"][0]["told"])
