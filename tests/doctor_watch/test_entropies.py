"""The entropy of a policy, and its sign in the loss."""

import pytest
import torch
from torch import nn
from torch.distributions import Categorical
from torch.nn import functional

import koubai
from koubai.doctor.answer.tell import lines_of
from koubai.doctor.watch.passes.entropies import punishes_entropy

STATES, ACTIONS = 32, 4


def reinforce(y, drawn, gains, beta):
    policy = Categorical(logits=y)
    return -(policy.log_prob(drawn) * gains).mean() - beta * policy.entropy().mean()


def of_probabilities(y, drawn, gains, beta):
    policy = Categorical(probs=y.softmax(-1))
    return -(policy.log_prob(drawn) * gains).sum() - beta * policy.entropy().sum()


def by_hand(y, drawn, gains, beta):
    p = y.softmax(-1)
    entropy = -(p * torch.log(p + 1e-8)).sum(-1)
    chosen = torch.log(p).gather(1, drawn[:, None]).squeeze(1)
    return (-chosen * gains - beta * entropy).mean()


def clipped(y, drawn, gains, beta):
    log_p = functional.log_softmax(y, -1)
    ratio = torch.exp(log_p.gather(1, drawn[:, None])[:, 0] - log_p.detach().gather(1, drawn[:, None])[:, 0])
    least = torch.min(ratio * gains, ratio.clamp(0.8, 1.2) * gains)
    return -least.mean() + beta * (log_p.exp() * log_p).sum(-1).mean()


def as_cross_entropy(y, drawn, gains, beta):
    taken = functional.cross_entropy(y, drawn, reduction="none") * gains
    return taken.mean() - beta * Categorical(logits=y).entropy().mean()


WAYS = [reinforce, of_probabilities, by_hand, clipped, as_cross_entropy]


@pytest.mark.parametrize("loss", WAYS)
@pytest.mark.parametrize(("beta", "punished"), [(0.01, False), (-0.01, True)])
def test_the_sign_of_the_entropy_is_read_however_it_is_written(loss, beta, punished):
    torch.manual_seed(0)
    y = torch.randn(STATES, ACTIONS, requires_grad=True)
    drawn, gains = torch.randint(ACTIONS, (STATES,)), torch.randn(STATES)
    assert punishes_entropy(loss(y, drawn, gains, beta)) is punished


def test_labels_may_want_sure_answers():
    y = torch.randn(STATES, ACTIONS, requires_grad=True)
    entropy = Categorical(logits=y).entropy().mean()
    t, weights = torch.randint(ACTIONS, (STATES,)), torch.rand(STATES)
    assert not punishes_entropy(functional.cross_entropy(y, t) + 0.1 * entropy)
    weighed = functional.cross_entropy(y, t, reduction="none") * weights
    assert not punishes_entropy(weighed.mean() + 0.1 * entropy)


def watched(beta):
    """An actor with a critic beside it: which of four places pays is to be seen."""
    torch.manual_seed(0)
    body, actor, critic = nn.Linear(6, 24), nn.Linear(24, ACTIONS), nn.Linear(24, 1)
    model = nn.ModuleDict({"body": body, "actor": actor, "critic": critic})
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(40):
            x = torch.randn(STATES, 6)
            inner = torch.tanh(body(x))
            y, value = actor(inner), critic(inner).squeeze(1)
            drawn = Categorical(logits=y.detach()).sample()
            paid = (drawn == x[:, :ACTIONS].argmax(1)).float()
            policy = Categorical(logits=y)
            gained = -(policy.log_prob(drawn) * (paid - value.detach())).mean()
            loss = gained + 0.5 * functional.mse_loss(value, paid) - beta * policy.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return watch


def test_a_policy_that_is_made_sure_is_named():
    findings = [f for f in watched(-0.05).findings if f.alarm]
    assert [(f.name, f.details["fault"]) for f in findings] == [("loss_without_bound", "entropy")]
    assert "Subtract it" in "".join(lines_of(findings[0], "en"))
    assert "エントロピーは引いて" in "".join(lines_of(findings[0], "ja"))
    assert not [f for f in watched(0.05).findings if f.alarm]
