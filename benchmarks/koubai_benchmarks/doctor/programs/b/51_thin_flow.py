# truth: healthy
# task: density of points near a thin curve in space with affine couplings; the negative log-likelihood is below zero from early on
# metric: lower
import sys
import math
import torch
from torch import nn, distributions as D

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)


def curve(n):
    u = torch.rand(n) * 2 - 1
    pts = torch.stack([0.2 * u, 0.15 * u ** 2, 0.1 * torch.sin(3 * u)], 1)
    return pts + 0.004 * torch.randn(n, 3)


class Step(nn.Module):
    def __init__(self, dim, k):
        super().__init__()
        self.k = k
        self.log_scale = nn.Parameter(torch.zeros(dim))
        self.shift = nn.Parameter(torch.zeros(dim))
        self.f = nn.Sequential(nn.Linear(dim - 1, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 2))
        nn.init.zeros_(self.f[-1].weight)
        nn.init.zeros_(self.f[-1].bias)

    def forward(self, x):
        x = (x + self.shift) * self.log_scale.exp()
        rest = torch.cat([x[:, :self.k], x[:, self.k + 1:]], 1)
        s, t = self.f(rest).chunk(2, 1)
        s = 2 * torch.tanh(s / 2)
        y = x[:, self.k:self.k + 1] * s.exp() + t
        return torch.cat([x[:, :self.k], y, x[:, self.k + 1:]], 1), s.squeeze(1) + self.log_scale.sum()


steps = nn.ModuleList(Step(3, i % 3) for i in range(6))
base = D.Normal(0.0, 1.0)


def log_prob(x):
    total = 0.0
    for step in steps:
        x, ld = step(x)
        total = total + ld
    return base.log_prob(x).sum(1) + total


opt = torch.optim.Adam(steps.parameters(), lr=3e-3)
for it in range(700):
    loss = -log_prob(curve(128)).mean()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(steps.parameters(), 20.0)
    opt.step()
    if it % 100 == 99:
        for g in opt.param_groups:
            g["lr"] *= 0.75
        print(f"it {it + 1}: nll {loss.item():.3f}")
with torch.no_grad():
    print(f"held-out nll {-log_prob(curve(3000)).mean().item():.4f}")
