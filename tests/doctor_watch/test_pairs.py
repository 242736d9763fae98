"""Pairs that a loss pulls together or pushes apart, and whether they are alike."""

import pytest

from koubai.doctor.script import judge_script
from koubai.doctor.trials.script import ScriptTrials

SIAMESE = """
import sys, torch
from torch import nn
torch.manual_seed(0)
centers = 2 * torch.randn(4, 8)
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.Adam(net.parameters(), 1e-3)
way, right = sys.argv[1], sys.argv[2] == "right"
for step in range(40):
    one, other = torch.randint(0, 4, (2, 64))
    other[:32] = one[:32]
    if way == "triplet":
        other = (one + 1 + torch.randint(0, 3, (64,))) % 4
    x, pair, like = (centers[k] + torch.randn(64, 8) for k in (one, other, one))
    if way == "triplet":
        given = (like, pair) if right else (pair, like)
        loss = nn.TripletMarginLoss()(net(x), net(given[0]), net(given[1]))
    else:
        same = (one == other).float()
        apart = nn.functional.pairwise_distance(net(x), net(pair))
        pull = same if right else 1 - same
        loss = (pull * apart.pow(2) + (1 - pull) * torch.clamp(2 - apart, min=0).pow(2)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize("way", ["pairs", "triplet"])
@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_labels_of_pairs_that_mean_the_opposite(tmp_path, way, kind):
    path = tmp_path / "siamese.py"
    path.write_text(SIAMESE)
    verdict, _ = judge_script(path, [way, kind], trials=ScriptTrials(0))
    told = [(finding.name, finding.details["fault"]) for finding in verdict.findings if finding.alarm]
    assert told == ([("labels_wrong", "swapped")] if kind == "wrong" else [])


def test_pairs_that_the_inputs_do_not_tell_apart_are_not_judged(tmp_path):
    path = tmp_path / "siamese.py"
    path.write_text(SIAMESE.replace("2 * torch.randn(4, 8)", "torch.zeros(4, 8)"))
    verdict, _ = judge_script(path, ["pairs", "right"], trials=ScriptTrials(0))
    assert [gap.reason for gap in verdict.unseen] == ["pairs"]
    assert "labels_wrong" not in [finding.name for finding in verdict.findings]
