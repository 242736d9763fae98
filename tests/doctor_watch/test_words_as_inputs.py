"""Programs whose inputs are numbers of words or of users: what can be told of them, and sparse gradients."""

import pytest

from koubai.doctor.script import judge_script
from koubai.doctor.trials.script import ScriptTrials

WORDS = """
import torch
from torch import nn
torch.manual_seed(0)
words = torch.randint(0, 30, (1500, 8))
worth = torch.randn(30)
t = worth[words].mean(1, keepdim=True)
t = (t - t.mean()) / t.std()
class Score(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.EmbeddingBag(30, 16)
        self.score = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1), END)
    def forward(self, words):
        return self.score(self.words(words))
model = Score()
optimizer = torch.optim.Adam(model.parameters(), 1e-2)
for step in range(250):
    rows = torch.randint(0, 1500, (64,))
    loss = nn.functional.mse_loss(model(words[rows]), t[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""

USERS = """
import torch
from torch import nn
torch.manual_seed(0)
of_users, of_films = torch.randn(60, 3), torch.randn(40, 3)
users, films = torch.randint(0, 60, (4000,)), torch.randint(0, 40, (4000,))
stars = (of_users[users] * of_films[films]).sum(1)
class Factors(nn.Module):
    def __init__(self):
        super().__init__()
        self.users, self.films = nn.Embedding(60, 6, sparse=True), nn.Embedding(40, 6, sparse=True)
    def forward(self, users, films):
        return (self.users(users) * self.films(films)).sum(1)
model = Factors()
optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
for step in range(400):
    rows = torch.randint(0, 4000, (64,))
    loss = nn.functional.mse_loss(model(users[rows], films[rows]), stars[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.fixture
def judged(tmp_path):
    def judge(text, times=0.0):
        path = tmp_path / "program.py"
        path.write_text(text)
        verdict, code = judge_script(path, trials=ScriptTrials(times))
        assert code == 0
        return verdict

    return judge


def names(verdict):
    return [found.name for found in verdict.findings if found.alarm]


def test_values_beyond_the_last_activation_are_told_whatever_the_inputs_are(judged):
    verdict = judged(WORDS.replace("END", "nn.ReLU()"))
    assert names(verdict) == ["output_range"]
    assert verdict.findings[0].place.line == 13
    assert names(judged(WORDS.replace(", END", ""))) == []


def test_gradients_that_are_sparse_are_seen(judged):
    verdict = judged(USERS.replace("RATE", "2.0"))
    assert names(verdict) == []
    assert "failed" not in [gap.reason for gap in verdict.unseen]


def test_weights_that_no_rate_of_a_trial_would_move_are_told_without_one(judged):
    verdict = judged(USERS.replace("RATE", "1e-6"), times=1.0)
    assert names(verdict)[0] == "learning_rate_too_low"
    assert verdict.findings[0].severity == "warn"
