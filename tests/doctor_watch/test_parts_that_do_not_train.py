"""Parts of a program that do not train: optimizers that step in vain, layers in lists; and look-alikes."""

import pytest

from koubai.doctor.script import judge_script
from koubai.doctor.trials.script import ScriptTrials
from koubai.doctor.watch.observe.pace import Pace

TWO_PARTS = """
import torch
from torch import nn
torch.manual_seed(0)
encoder, decoder = nn.Sequential(nn.Linear(8, 4), nn.Tanh()), nn.Linear(4, 3)
optimizers = [torch.optim.Adam(part.parameters(), 1e-2) for part in (encoder, decoder)]
t = torch.randint(0, 3, (600,))
x = torch.eye(8)[t] * 2 + torch.randn(600, 8)
for step in range(80):
    rows = torch.randint(0, 600, (32,))
    loss = nn.functional.cross_entropy(decoder(encoder(x[rows])), t[rows])
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
"""
NEW_HEAD = """
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
t = torch.randint(0, 3, (600,))
x = torch.eye(8)[t] * 2 + torch.randn(600, 8)

def train(optimizer, steps):
    for step in range(steps):
        rows = torch.randint(0, 600, (32,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), t[rows]).backward()
        optimizer.step()

train(torch.optim.Adam(model.parameters(), 1e-2), 40)
model[0].requires_grad_(False)
optimizer = torch.optim.Adam(model[2].parameters(), 1e-2)
model[2] = nn.Linear(16, 3)
train(optimizer, 60)
"""
BLOCKS = """
import torch
from torch import nn

class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(1, 12)
        self.blocks = [nn.Sequential(nn.Linear(12, 12), nn.Tanh()) for _ in range(2)]
        self.head = nn.Linear(12, 4)

    def forward(self, x):
        x = self.first(x.unsqueeze(-1))
        for block in self.blocks:
            x = block(x)
        return self.head(x)

torch.manual_seed(0)
model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), 1e-2)
for step in range(80):
    x = torch.randn(16, 6)
    t = (x > 0).long() + 2 * (x.abs() > 1).long()
    loss = nn.functional.cross_entropy(model(x).flatten(0, 1), t.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
CRITIC = """
import torch
from torch import nn
torch.manual_seed(0)
maker, critic = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
makes, judges = (torch.optim.RMSprop(part.parameters(), 1e-3) for part in (maker, critic))
for step in range(40):
    for _ in range(5):
        critic.zero_grad()
        (critic(maker(torch.randn(32, 2)).detach()).mean() - critic(torch.randn(32, 2) + 2).mean()).backward()
        judges.step()
    maker.zero_grad()
    (-critic(maker(torch.randn(32, 2))).mean()).backward()
    makes.step()
"""


@pytest.fixture
def judged(tmp_path):
    def judge(text):
        path = tmp_path / "program.py"
        path.write_text(text)
        verdict, code = judge_script(path, trials=ScriptTrials(0.0))
        assert code == 0
        return verdict

    return judge


def told(verdict):
    return [(f.name, f.details.get("fault")) for f in verdict.findings if f.alarm]


def test_an_optimizer_whose_part_is_cut_off_steps_in_vain(judged):
    assert told(judged(TWO_PARTS)) == []
    verdict = judged(TWO_PARTS.replace("encoder(x[rows])", "encoder(x[rows]).detach()"))
    assert told(verdict)[0] == ("not_training", "vain")
    found = verdict.findings[0]
    assert found.details["steps"] == 80
    assert found.place.line == 6
    assert found.details["paths"] == "0.weight, 0.bias"


@pytest.mark.parametrize("looks", [(1, 53), (1, 60), (1, 76), (1, 41, 70)])
def test_what_is_said_does_not_hang_on_the_step_that_was_looked_at(judged, monkeypatch, looks):
    """A batch of 32 tells a skill within some .07; and a head that is taken out keeps its name."""
    monkeypatch.setattr(Pace, "wants", lambda pace, step: step in looks)
    assert told(judged(TWO_PARTS)) == []
    assert told(judged(NEW_HEAD))[0] == ("not_training", "vain")


def test_gradients_that_closures_make_or_that_are_reset_at_once_are_no_vain_steps(judged):
    closure = (
        TWO_PARTS.replace("        optimizer.step()", "        optimizer.step(lambda: again())")
        .replace(
            "for step in",
            "def again():\n    loss = nn.functional.cross_entropy(decoder(encoder(x)), t)\n"
            "    loss.backward()\n    return loss\nfor step in",
        )
        .replace("    loss.backward()\n    for", "    for")
    )
    assert ("not_training", "vain") not in told(judged(closure))


@pytest.mark.parametrize(
    "meant",
    [
        "encoder.requires_grad_(False)",  # frozen, and not thawed in this run
        "optimizers[0] = torch.optim.SGD([torch.ones(1, requires_grad=True)], 0.1)",  # a stand-in
    ],
)
def test_optimizers_that_have_nothing_to_do_on_purpose_are_no_vain_steps(judged, meant):
    assert ("not_training", "vain") not in told(
        judged(TWO_PARTS.replace("t = torch", f"{meant}\nt = torch", 1))
    )


def test_a_head_put_in_after_its_optimizer_was_made(judged):
    first = told(judged(NEW_HEAD))
    assert first[0] == ("not_training", "vain")
    lines = NEW_HEAD.split("\n")
    made = next(i for i, line in enumerate(lines) if line.startswith("optimizer = "))
    lines[made], lines[made + 1] = lines[made + 1], lines[made]
    assert ("not_training", "vain") not in told(judged("\n".join(lines)))


def test_layers_in_a_list_are_told_where_nothing_says_how_well_the_run_should_do(judged):
    verdict = judged(BLOCKS)
    assert told(verdict) == [("not_training", "unlisted")]
    assert "blocks[0].0.weight" in verdict.findings[0].details["paths"]
    assert told(judged(BLOCKS.replace("[nn.Seq", "nn.ModuleList([nn.Seq").replace("(2)]", "(2)])"))) == []


def test_a_critic_that_makes_five_updates_for_one_of_its_rival_is_a_duel(judged):
    verdict = judged(CRITIC)
    assert verdict.name == "not_judged"
    assert verdict.unseen[0].reason == "duel"


TEACHER = """
import copy
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
other = copy.deepcopy(model)
optimizer = torch.optim.Adam(model.parameters(), 1e-2)
for step in range(80):
    x = torch.randn(32, 4)
    with torch.no_grad():
        t = x.sum(1, keepdim=True) + 0.9 * other(x + 1)
    loss = nn.functional.smooth_l1_loss(model(x), t)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 9:
        other.load_state_dict(model.state_dict())
"""


def test_targets_that_a_copy_of_the_model_answers_move_with_it(judged):
    verdict = judged(TEACHER)
    assert (verdict.name, verdict.unseen[0].reason) == ("not_judged", "moving")


def test_a_copy_that_is_asked_now_and_then_is_evaluated(judged):
    text = TEACHER.replace("+ 0.9 * other(x + 1)", "").replace(
        "other.load_state", "torch.no_grad()(other)(x); other.load_state"
    )
    assert "moving" not in [gap.reason for gap in judged(text).unseen]


CRITIC_OF_ITSELF = """
import torch
from torch import nn
torch.manual_seed(0)
class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.choice, self.worth = nn.Linear(4, 32), nn.Linear(32, 2), nn.Linear(32, 1)
    def choose(self, x):
        return torch.softmax(self.choice(torch.relu(self.body(x))), 1)
    def value(self, x):
        return self.worth(torch.relu(self.body(x)))
agent = Agent()
optimizer = torch.optim.Adam(agent.parameters(), 1e-3)
for step in range(120):
    x = torch.randn(32, 4)
    action = torch.multinomial(agent.choose(x).detach(), 1)
    reward = (x[:, :1] > 0).float() * action
    aim = reward + 0.9 * agent.value(x + 0.1 * torch.randn(32, 4))
    gain = (aim - agent.value(x)).detach()
    chosen = agent.choose(x).gather(1, action)
    loss = -torch.log(chosen) * gain + nn.functional.smooth_l1_loss(agent.value(x), aim.detach())
    optimizer.zero_grad()
    loss.mean().backward()
    optimizer.step()
"""


def test_targets_that_methods_of_the_model_answer_move_with_it(judged):
    verdict = judged(CRITIC_OF_ITSELF)
    assert (verdict.name, verdict.unseen[0].reason) == ("not_judged", "moving")
    still = CRITIC_OF_ITSELF.replace("aim.detach()", "x.sum(1, keepdim=True)")
    assert "moving" not in [gap.reason for gap in judged(still).unseen]


CODEBOOK = """
import torch
from torch import nn
torch.manual_seed(0)
class Codes(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.codes, self.up = nn.Linear(8, 4), nn.Embedding(16, 4), nn.Linear(4, 8)
    def forward(self, x):
        z = self.down(x)
        code = self.codes(torch.cdist(z, self.codes.weight).argmin(1))
        near = nn.functional.mse_loss(code, z.detach()) + 0.25 * nn.functional.mse_loss(z, code.detach())
        return self.up(z + (code - z).detach()), near
model = Codes()
optimizer = torch.optim.Adam(model.parameters(), 1e-2)
for step in range(200):
    x = torch.randn(64, 2) @ torch.ones(2, 8).tril()
    answer, near = model(x)
    loss = nn.functional.mse_loss(answer, x) + near
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def test_a_term_beside_its_own_codes_moves_and_the_loss_beside_the_data_does_not(judged):
    verdict = judged(CODEBOOK)
    assert "moving" not in [gap.reason for gap in verdict.unseen]
    assert told(verdict) == []


FLAT = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(300, 6)
t = x[:, :1] - x[:, 1:2]
model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), 0.01)
for step in range(120):
    rows = torch.randint(0, 300, (32,))
    y = torch.round(model(x[rows]))
    optimizer.zero_grad()
    nn.functional.mse_loss(y, t[rows]).backward()
    optimizer.step()
"""
FACTORS = """
for p in model.parameters():
    p.requires_grad_(False)
down, up = nn.Parameter(torch.zeros(6, 2)), nn.Parameter(torch.zeros(2, 1))
model.register_parameter("down", down)
model.register_parameter("up", up)
optimizer = torch.optim.Adam([down, up], 0.01)
"""


def test_a_way_to_the_loss_that_passes_no_gradient_is_named(judged):
    assert told(judged(FLAT))[:1] == [("not_training", "flat")]
    assert told(judged(FLAT.replace("torch.round(model(x[rows]))", "model(x[rows])"))) == []


@pytest.mark.parametrize("begin", ["zeros", "randn"])
def test_two_factors_that_both_begin_at_0_never_train(judged, begin):
    text = FLAT.replace("torch.round(model(x[rows]))", "model(x[rows]) + x[rows] @ down @ up")
    text = text.replace("for step", FACTORS.replace("zeros(6, 2)", f"{begin}(6, 2)") + "for step")
    assert (told(judged(text))[:1] == [("not_training", "flat")]) == (begin == "zeros")


def test_a_loss_of_0_has_no_slope_either_and_sparse_gradients_have_one(judged):
    done = FLAT.replace("torch.round(model(x[rows]))", "model(x[rows])").replace(
        "nn.functional.mse_loss(y, t[rows])", "torch.relu((y - t[rows]).abs() - 100).mean()"
    )
    assert not {"not_training", "learning_rate_too_low"} & {name for name, _ in told(judged(done))}
    sparse = FLAT.replace("nn.Linear(6, 8)", "nn.EmbeddingBag(6, 8, sparse=True)")
    sparse = sparse.replace("torch.optim.Adam", "torch.optim.SGD").replace(
        "torch.randn(300, 6)", "torch.randint(0, 6, (300, 4))"
    )
    sparse = sparse.replace("t = x[:, :1] - x[:, 1:2]", "t = (x[:, :1] - x[:, 1:2]).float()")
    assert told(judged(sparse))[:1] == [("not_training", "flat")]
    assert ("not_training", "flat") not in told(
        judged(sparse.replace("torch.round(model(x[rows]))", "model(x[rows])"))
    )
