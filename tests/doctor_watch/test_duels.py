"""Two networks that compete: the losses of each side, and a discriminator that nobody can fool."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from koubai.doctor.script import judge_script, watch_script
from koubai.doctor.trials.script import ScriptTrials
from koubai.doctor.watch.seen.duels import Ledger

PROGRAM = """
import sys, torch
from torch import nn
torch.manual_seed(0)
make = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 8))
judge = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
opt_g = torch.optim.Adam(make.parameters(), float(sys.argv[1]), betas=(0.5, 0.999))
opt_d = torch.optim.Adam(judge.parameters(), 2e-3, betas=(0.5, 0.999))
rule, ones, zeros = nn.BCEWithLogitsLoss(), torch.ones(64, 1), torch.zeros(64, 1)
told = []
for step in range(400):
    real = 1 + 0.5 * torch.randn(64, 8)
    opt_g.zero_grad()
    fake = make(torch.randn(64, 4))
    loss_g = rule(judge(fake), ones)
    loss_g.backward()
    opt_g.step()
    opt_d.zero_grad()
    loss_d = (rule(judge(real), ones) + rule(judge(fake.detach()), zeros)) / 2
    loss_d.backward()
    opt_d.step()
    told.append((loss_d.item(), loss_g.item()))
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "gan.py"
    path.write_text(PROGRAM)
    return path


def test_each_side_has_the_losses_of_its_own_updates(program):
    program.write_text(PROGRAM + "import numpy\nnumpy.save(sys.argv[2], told)\n")
    watch = watch_script(program, ["0.002", str(program.parent / "told.npy")]).watch
    own, made = np.load(program.parent / "told.npy").T
    assert watch.seen.opponents.discriminator == pytest.approx(own)
    assert watch.seen.opponents.generator == pytest.approx(made)
    nothing = functional.binary_cross_entropy_with_logits(torch.zeros(1), torch.ones(1))
    assert watch.seen.opponents.floor == pytest.approx(nothing.item())


@pytest.mark.parametrize(("rate", "won"), [("0.002", False), ("1e-7", True)])
def test_a_generator_that_cannot_fool_any_more_is_told_and_a_balance_is_not(program, rate, won):
    verdict, _ = judge_script(program, [rate], trials=ScriptTrials(0))
    names = [finding.name for finding in verdict.findings]
    assert names == (["discriminator_too_strong"] if won else [])
    assert verdict.name == ("findings" if won else "not_judged")
    if won:
        assert verdict.findings[0].place.file == str(program)


def test_an_optimizer_made_anew_in_every_step_is_the_same_and_is_not_kept():
    ledger, layer = Ledger(), nn.Linear(2, 1)
    for value in (3.0, 2.0, 1.0):
        optimizer = torch.optim.SGD(layer.parameters(), 0.1)
        ledger.differentiated(torch.tensor(value, requires_grad=True))
        ledger.differentiated(torch.tensor(value + 1, requires_grad=True))
        ledger.stepped(optimizer)
    ledger.stepped(torch.optim.SGD(nn.Linear(2, 1).parameters(), 0.1))  # nothing was differentiated for it
    assert list(ledger.of([optimizer])) == [3.5, 2.5, 1.5]
    assert not any(isinstance(kept, torch.optim.Optimizer) for kept in ledger._kept)


def test_a_classifier_on_two_classes_is_no_duel(tmp_path):
    (tmp_path / "two.py").write_text(
        PROGRAM.partition("told = []")[0]
        + "for step in range(60):\n    opt_d.zero_grad()\n    x = torch.randn(64, 8)\n"
        "    rule(judge(x), (x[:, :1] > 0).float()).backward()\n    opt_d.step()\n"
    )
    assert watch_script(tmp_path / "two.py", ["1"]).watch.seen.opponents is None


WASSERSTEIN = """
import sys, torch
from torch import nn
torch.manual_seed(0)
make = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 8))
judge = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
opt_g, opt_d = (torch.optim.RMSprop(net.parameters(), 1e-3) for net in (make, judge))
for step in range(40):
    for _ in range(2):
        with torch.no_grad():
            fake = make(torch.randn(32, 4))
        loss = int(sys.argv[1]) * (judge(fake).mean() - judge(2 + torch.randn(32, 8)).mean())
        opt_d.zero_grad(), loss.backward(), opt_d.step()
        for p in judge.parameters():
            p.data.clamp_(-0.1, 0.1)
    loss = int(sys.argv[2]) * judge(make(torch.randn(32, 4))).mean()
    opt_g.zero_grad(), loss.backward(), opt_g.step()
"""


@pytest.mark.parametrize("signs", ["1 -1", "-1 1", "1 1", "-1 -1"])
def test_two_networks_that_push_the_same_way_do_not_compete(program, signs):
    program.write_text(WASSERSTEIN)
    verdict, _ = judge_script(program, signs.split(), trials=ScriptTrials(0))
    told = [(finding.name, finding.details["fault"]) for finding in verdict.findings]
    critic, generator = map(int, signs.split())
    assert told == ([("loss_without_bound", "allied")] if critic == generator else [])


@pytest.mark.parametrize("critic_steps", [5, 8])
def test_a_generator_that_waits_for_its_critic_is_found_and_no_curve_names_a_rate(program, critic_steps):
    program.write_text(WASSERSTEIN.replace("range(2)", f"range({critic_steps})"))
    verdict, _ = judge_script(program, ["1", "-1"], trials=ScriptTrials(0))
    assert [finding.name for finding in verdict.findings] == []
    assert [gap.reason for gap in verdict.unseen] == ["duel"]


def test_an_optimizer_of_what_is_no_module_is_not_waited_for_without_end(tmp_path):
    (tmp_path / "free.py").write_text(
        "import torch\nnet, free = torch.nn.Linear(2, 1), torch.nn.Parameter(torch.zeros(2))\n"
        "both = [torch.optim.SGD(p, 0.01) for p in (net.parameters(), [free])]\n"
        "for step in range(60):\n    for each in both:\n        each.zero_grad()\n"
        "    (net(free + torch.randn(8, 2)) ** 2).mean().backward()\n"
        "    for each in both:\n        each.step()\n"
    )
    search = watch_script(tmp_path / "free.py", [])
    assert search.watch.seen.step == 60
    assert search.watch.seen.need_not_fall is None


@pytest.mark.parametrize(("rate", "won"), [("0.002", False), ("1e-7", True)])
def test_a_generator_that_maximizes_the_loss_of_the_other_has_none_left_where_that_has_won(
    program, rate, won
):
    program.write_text(
        PROGRAM.replace("loss_g = rule(judge(fake), ones)", "loss_g = -rule(judge(fake), zeros)")
    )
    verdict, _ = judge_script(program, [rate], trials=ScriptTrials(0))
    names = [finding.name for finding in verdict.findings]
    assert names == (["discriminator_too_strong"] if won else [])
