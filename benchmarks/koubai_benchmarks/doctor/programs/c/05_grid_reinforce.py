# truth: faulty
# task: REINFORCE agent that walks to a target on a small grid
# wrong: the learning rate is far too high; after a few episodes the policy is deterministic and stops exploring
# accept: learning_rate_too_high, saturated_units
# after: https://discuss.pytorch.org/t/help-with-pytorch-policy-gradient-agent-that-learns-actions-resulting-in-consistent-negative-rewards/160728
# metric: higher
import sys

import torch
import torch.nn as nn
from torch.distributions import Categorical

FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
LR = 3e-3 if FIXED else 0.1

torch.manual_seed(SEED)
torch.set_num_threads(1)
SIZE, HORIZON, ENVS, GAMMA = 7, 16, 32, 0.95
MOVES = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0], [0, 0]])


class Grid:
    """A batch of worlds, one bot and one target in each."""

    def __init__(self, n):
        self.n = n

    def reset(self):
        self.bot = torch.randint(0, SIZE, (self.n, 2))
        self.target = torch.randint(0, SIZE, (self.n, 2))
        return self.obs()

    def obs(self):
        both = torch.cat([self.bot, self.target], 1).float()
        return both / (SIZE - 1) * 2 - 1

    def step(self, action):
        before = (self.bot - self.target).abs().sum(1)
        wanted = self.bot + MOVES[action]
        self.bot = wanted.clamp(0, SIZE - 1)
        bumped = (wanted != self.bot).any(1).float()
        after = (self.bot - self.target).abs().sum(1)
        reward = (before - after).float() - 0.5 * bumped + (after == 0).float()
        return self.obs(), reward


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(4, 64)
        self.affine2 = nn.Linear(64, 64)
        self.head = nn.Linear(64, 5)

    def forward(self, x):
        x = torch.relu(self.affine1(x))
        x = torch.relu(self.affine2(x))
        return Categorical(logits=self.head(x))


policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=LR)
env = Grid(ENVS)


def run_episode(train=True):
    s = env.reset()
    logp, rewards = [], []
    for _ in range(HORIZON):
        dist = policy(s)
        a = dist.sample()
        s, r = env.step(a)
        logp.append(dist.log_prob(a))
        rewards.append(r)
    return torch.stack(logp), torch.stack(rewards)


for episode in range(1, 301):
    logp, rewards = run_episode()
    returns = torch.zeros_like(rewards)
    acc = torch.zeros(ENVS)
    for t in reversed(range(HORIZON)):
        acc = rewards[t] + GAMMA * acc
        returns[t] = acc
    adv = (returns - returns.mean(1, keepdim=True)) / (returns.std() + 1e-6)
    loss = -(logp * adv).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if episode % 50 == 0:
        print(f"episode {episode}\tloss {loss.item():+.4f}\treturn {rewards.sum(0).mean().item():.2f}")

env = Grid(400)
with torch.no_grad():
    _, rewards = run_episode()
print("mean return of 400 new worlds:", round(rewards.sum(0).mean().item(), 3))
