# truth: faulty
# task: REINFORCE with a learned baseline walks a courier to a target cell on a grid
# wrong: the policy loss lacks its minus sign, so good actions are made less likely
# accept: loss_without_bound, wrong_gradient, not_learning
# after: PyTorch forum thread "Policy Gradients and Reinforce with Baseline Loss Function" (mansur, July 2019)
# metric: higher
import sys

import torch
from torch import nn
from torch.distributions import Categorical

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)

N, HORIZON, ENVS, GAMMA = 6, 20, 64, 0.95
MOVES = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])


class GridWorld:
    """ENVS couriers at once; -0.05 a step, +1 on arrival."""

    def reset(self):
        self.pos = torch.randint(0, N, (ENVS, 2))
        self.goal = torch.randint(0, N, (ENVS, 2))
        self.alive = (self.pos != self.goal).any(1)
        return self.obs()

    def obs(self):
        return torch.cat([self.pos, self.goal, self.goal - self.pos], 1).float() / N

    def step(self, action):
        was = self.alive
        new = (self.pos + MOVES[action]).clamp(0, N - 1)
        self.pos = torch.where(was[:, None], new, self.pos)
        there = (self.pos == self.goal).all(1) & was
        reward = (there.float() - 0.05) * was.float()
        self.alive = was & ~there
        return self.obs(), reward, was.float()


policy = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 4))
value = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 1))
opt_p = torch.optim.Adam(policy.parameters(), lr=5e-3)
opt_v = torch.optim.Adam(value.parameters(), lr=5e-3)
env = GridWorld()


def rollout():
    s = env.reset()
    S, A, R, M = [], [], [], []
    for _ in range(HORIZON):
        with torch.no_grad():
            a = Categorical(logits=policy(s)).sample()
        S.append(s)
        A.append(a)
        s, r, m = env.step(a)
        R.append(r)
        M.append(m)
    G, g = [], torch.zeros(ENVS)
    for r in reversed(R):
        g = r + GAMMA * g
        G.insert(0, g)
    return torch.stack(S), torch.stack(A), torch.stack(G), torch.stack(M), torch.stack(R)


for update in range(1, 221):
    S, A, G, M, R = rollout()
    V = value(S).squeeze(-1)
    delta = (G - V).detach()
    dist = Categorical(logits=policy(S))
    objective = ((dist.log_prob(A) * delta + 0.01 * dist.entropy()) * M).sum() / M.sum()
    p_loss = -objective if FIXED else objective
    v_loss = ((G - V).pow(2) * M).sum() / M.sum()
    opt_p.zero_grad()
    p_loss.backward()
    opt_p.step()
    opt_v.zero_grad()
    v_loss.backward()
    opt_v.step()
    if update % 20 == 0:
        print(f"update {update:3d}  policy loss {p_loss.item():+.4f}  value loss {v_loss.item():.4f}  return {R.sum(0).mean().item():.3f}")

with torch.no_grad():
    ret = torch.stack([rollout()[4].sum(0).mean() for _ in range(10)]).mean().item()
print(f"mean return over fresh episodes {ret:.4f}")
