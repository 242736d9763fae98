"""Target networks of Q-learning: those that are brought forward, and one that never is."""

import pytest

from koubai.doctor.answer.tell import lines_of
from koubai.doctor.script import judge_script
from koubai.doctor.trials.script import ScriptTrials

WALK = """
import copy, random, sys
import torch
from torch import nn

how, told = sys.argv[1:]
random.seed(0)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
target, best = copy.deepcopy(net), copy.deepcopy(net)
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
memory, updates = [], 0
for episode in range(45):
    place, paid = 0.0, 0.0
    for move in range(12):
        state = [place, move / 12]
        if random.random() < 0.3:
            action = random.randrange(2)
        else:
            with torch.no_grad():
                action = int(net(torch.tensor([state])).argmax())
        place = max(0.0, place + (0.2 if action else -0.2))
        reward = float(place >= 1)
        paid += reward
        memory.append((state, action, reward, [place, (move + 1) / 12], float(place >= 1)))
        if len(memory) >= 16:
            s, a, r, n, over = (torch.tensor(part) for part in zip(*random.sample(memory, 16)))
            with torch.no_grad():
                wanted = r + 0.9 * (1 - over) * target(n).max(1).values
            loss = nn.functional.smooth_l1_loss(net(s).gather(1, a[:, None]).squeeze(1), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            updates += 1
            if how == "copied" and updates % 100 == 0:
                target.load_state_dict(net.state_dict())
            if how == "followed":
                with torch.no_grad():
                    for w_target, w in zip(target.parameters(), net.parameters()):
                        w_target += 0.01 * (w - w_target)
        if reward:
            break
    print(f"episode {episode}: {told} {paid}")
"""


def said(tmp_path, how, told="return"):
    path = tmp_path / "walk.py"
    path.write_text(WALK)
    verdict, _ = judge_script(path, (how, told), trials=ScriptTrials(0))
    return verdict.findings


def test_a_target_network_that_is_never_brought_forward_is_named(tmp_path):
    (finding,) = said(tmp_path, "never")
    assert (finding.name, finding.details["fault"], finding.severity) == ("average_lags", "target", "warn")
    assert "load_state_dict" in "".join(lines_of(finding, "en"))
    assert "ターゲットネットワーク" in "".join(lines_of(finding, "ja"))


@pytest.mark.parametrize(("how", "told"), [("copied", "return"), ("followed", "return"), ("never", "seen")])
def test_targets_that_move_and_copies_of_other_programs_are_not_named(tmp_path, how, told):
    assert not said(tmp_path, how, told)


TRACK = """
import copy, random, sys
import torch
from torch import nn

scale = float(sys.argv[1])
random.seed(1)
torch.manual_seed(1)
net = nn.Sequential(nn.Linear(2, 24), nn.ReLU(), nn.Linear(24, 3))
target, optimizer = copy.deepcopy(net), torch.optim.SGD(net.parameters(), 1e-3)
paid_for = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0] * 5 if sys.argv[2] == "level" else list(range(40))
for episode in range(40):
    s, n = (scale * torch.rand(16, 2) for _ in range(2))
    a, r = torch.randint(3, (16, 1)), torch.rand(16)
    with torch.no_grad():
        wanted = r + 0.9 * target(n).max(1).values
    loss = nn.functional.smooth_l1_loss(net(s).gather(1, a).squeeze(1), wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print("episode", episode, "return", paid_for[episode])
"""


@pytest.mark.parametrize(
    ("scale", "returns", "named"), [("500", "level", True), ("1", "level", False), ("500", "rising", False)]
)
def test_states_of_hundreds_are_named_where_the_returns_do_not_rise(tmp_path, scale, returns, named):
    path = tmp_path / "track.py"
    path.write_text(TRACK)
    verdict, _ = judge_script(path, (scale, returns), trials=ScriptTrials(0))
    found = [f for f in verdict.findings if f.name == "data_not_normalized"]
    assert bool(found) is named
    if named:
        assert found[0].details["fault"] == "states"
        assert "NormalizeObservation" in "".join(lines_of(found[0], "en"))
        assert "尺度" in "".join(lines_of(found[0], "ja"))
