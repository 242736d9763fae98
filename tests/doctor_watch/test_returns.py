"""Policies: the sign of what they are trained on, and the returns that a program prints."""

import pytest

from koubai.doctor.script import judge_script
from koubai.doctor.trials.printed import PAID, printed_series
from koubai.doctor.trials.script import ScriptTrials

BANDIT = """
import sys, torch
from torch import nn
torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(policy.parameters(), 0.02)
sign, told = float(sys.argv[1]), sys.argv[2]
for episode in range(60):
    state = torch.randn(64, 3)
    chosen = torch.distributions.Categorical(logits=policy(state))
    action = chosen.sample()
    reward = (action == state.argmax(1)).float() + 0.1 * torch.randn(64)
    advantage = reward - reward.mean()
    loss = sign * (chosen.log_prob(action) * advantage).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"episode {episode}, {told} {reward.mean():.3f} {chosen.entropy().mean():.3f}")
"""


def said(tmp_path, *arguments):
    path = tmp_path / "bandit.py"
    path.write_text(BANDIT)
    verdict, _ = judge_script(path, arguments, trials=ScriptTrials(0))
    return [(f.name, f.details["fault"]) for f in verdict.findings if f.alarm], verdict.name


@pytest.mark.parametrize(
    ("arguments", "findings"),
    [
        (("1", "mean reward"), [("loss_without_bound", "weighed")]),
        (("1", "cost"), []),  # what is paid: less of it is better
        (("-1", "mean reward"), []),
        (("0", "mean reward"), []),
    ],
)
def test_a_policy_that_is_paid_less_and_less_lacks_its_minus(tmp_path, arguments, findings):
    told, verdict = said(tmp_path, *arguments)
    assert told == findings
    assert verdict == ("findings" if findings else "not_judged")


def test_of_several_numbers_that_are_printed_the_returns_are_those_told_most_often():
    text = "episode 1 | return 3 | loss 2\nepisode 2 | return 4 | loss 1\nbest return: 9\n"
    assert printed_series(text, PAID) == (3.0, 4.0)
    assert printed_series("accuracy 3", PAID) == ()
