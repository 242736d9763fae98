# truth: faulty
# task: density of pinwheel points with an affine coupling flow
# wrong: the log-determinant enters the likelihood with the wrong sign
# accept: loss_without_bound, wrong_gradient
# after: https://github.com/chrischute/real-nvp/issues/6 (what is the value of the loss; the two parts that get summed)
# metric: lower
import argparse
import math
import sys

import numpy as np
import torch
from torch import nn

FIXED = "--fixed" in sys.argv


def pinwheel(n, rng, arms=5):
    labels = rng.integers(0, arms, n)
    feats = rng.normal(size=(n, 2)) * np.array([0.3, 0.05]) + np.array([1.0, 0.0])
    ang = 2 * np.pi * labels / arms + 0.25 * np.exp(feats[:, 0])
    rot = np.stack([np.cos(ang), -np.sin(ang), np.sin(ang), np.cos(ang)], 1).reshape(-1, 2, 2)
    return torch.tensor(2 * np.einsum("ti,tij->tj", feats, rot), dtype=torch.float32)


class Coupling(nn.Module):
    def __init__(self, flip, hidden=64):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(),
                                 nn.Linear(hidden, 2))

    def forward(self, x):
        a, b = x.chunk(2, 1)
        if self.flip:
            a, b = b, a
        s, t = self.net(a).chunk(2, 1)
        s = 1.5 * torch.tanh(s)
        b = b * s.exp() + t
        return torch.cat([b, a] if self.flip else [a, b], 1), s.sum(1)


class Flow(nn.Module):
    def __init__(self, depth=6):
        super().__init__()
        self.layers = nn.ModuleList(Coupling(i % 2 == 1) for i in range(depth))

    def forward(self, x):
        log_det = torch.zeros(len(x))
        for layer in self.layers:
            x, ld = layer(x)
            log_det = log_det + ld
        return x, log_det


def log_prior(z):
    return (-0.5 * z.pow(2) - 0.5 * math.log(2 * math.pi)).sum(1)


def nll(flow, x):
    z, log_det = flow(x)
    if FIXED:
        return -(log_prior(z) + log_det).mean()
    return -(log_prior(z) - log_det).mean()


def held_out(flow, x):
    with torch.no_grad():
        z, log_det = flow(x)
        return -(log_prior(z) + log_det).mean().item()


ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--fixed", action="store_true")
ap.add_argument("--iters", type=int, default=1000)
cfg = ap.parse_args()
torch.set_num_threads(1)
torch.manual_seed(cfg.seed)
rng = np.random.default_rng(cfg.seed)
train_x, test_x = pinwheel(5000, rng), pinwheel(1000, rng)
flow = Flow()
optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
for it in range(1, cfg.iters + 1):
    batch = train_x[torch.randint(len(train_x), (200,))]
    loss = nll(flow, batch)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
    optimizer.step()
    if it % 250 == 0:
        print(f"{it:5d}  loss {loss.item():.4f}")
print(f"test negative log-likelihood (nats): {held_out(flow, test_x):.4f}")
