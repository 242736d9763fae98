# truth: faulty
# task: a small diffusion model of a two-dimensional pinwheel, sampled with averaged weights
# wrong: the moving average keeps 0.9999 of itself while there are only some hundred updates, so the sampler still holds the initial weights
# accept: average_lags
# after: https://github.com/konpatp/diffae/issues/16
# metric: lower
import argparse
import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


def pinwheel(n, arms=5):
    k = torch.randint(arms, (n,)).float()
    r = 1.0 + 0.35 * torch.randn(n)
    side = 0.12 * torch.randn(n)
    ang = 2 * math.pi * k / arms + 0.5 * r.exp() * 0.5
    x = torch.stack([r * torch.cos(ang) - side * torch.sin(ang), r * torch.sin(ang) + side * torch.cos(ang)], 1)
    return x / 0.8


class Denoiser(nn.Module):
    def __init__(self, width=96, n_freq=8):
        super().__init__()
        self.register_buffer("freq", 2.0 ** torch.arange(n_freq) * math.pi / 2)
        self.inp = nn.Linear(2 + 2 * n_freq, width)
        self.mid = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.out = nn.Linear(width, 2)

    def forward(self, x, t):
        ph = t[:, None] * self.freq
        h = F.silu(self.inp(torch.cat([x, ph.sin(), ph.cos()], 1)))
        for layer in self.mid:
            h = h + F.silu(layer(h))
        return self.out(h)


class Diffusion:
    def __init__(self, T=60):
        self.T = T
        self.beta = torch.linspace(1e-3, 0.12, T)
        self.alpha = 1 - self.beta
        self.abar = torch.cumprod(self.alpha, 0)

    def loss(self, net, x0):
        t = torch.randint(self.T, (len(x0),))
        eps = torch.randn_like(x0)
        a = self.abar[t][:, None]
        return F.mse_loss(net(a.sqrt() * x0 + (1 - a).sqrt() * eps, t / self.T), eps)

    @torch.no_grad()
    def sample(self, net, n):
        x = torch.randn(n, 2)
        for i in reversed(range(self.T)):
            eps = net(x, torch.full((n,), i / self.T))
            x = (x - self.beta[i] / (1 - self.abar[i]).sqrt() * eps) / self.alpha[i].sqrt()
            if i > 0:
                x = x + self.beta[i].sqrt() * torch.randn_like(x)
        return x


class EMA:
    def __init__(self, model, decay):
        self.decay = decay
        self.shadow = copy.deepcopy(model).requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for s, p in zip(self.shadow.parameters(), model.parameters()):
            s.mul_(self.decay).add_(p, alpha=1 - self.decay)


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--iters", type=int, default=650)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    net, diff = Denoiser(), Diffusion()
    ema = EMA(net, decay=0.99 if args.fixed else 0.9999)
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for it in range(args.iters):
        loss = diff.loss(net, pinwheel(128))
        opt.zero_grad()
        loss.backward()
        opt.step()
        ema.update(net)
        if it % 130 == 0:
            print(f"iter {it} loss {loss.item():.4f}")
    print(f"energy distance of samples: {energy_distance(diff.sample(ema.shadow, 1000), pinwheel(1000)):.5f}")
