# truth: faulty
# task: small DDPM on the two moons, sampled with averaged weights
# wrong: the weights are averaged with a decay of 0.9999 over only 900 steps, the average is still nearly the initial network
# accept: average_lags
# after: https://github.com/konpatp/diffae/issues/16
# metric: lower
import argparse
import copy
import math
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_moons


class EMA:
    def __init__(self, model, decay):
        self.decay = decay
        self.model = copy.deepcopy(model).eval()
        for p in self.model.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for e, p in zip(self.model.parameters(), model.parameters()):
            e.mul_(self.decay).add_(p, alpha=1 - self.decay)


class Denoiser(nn.Module):
    def __init__(self, width=96, n_freq=8):
        super().__init__()
        self.register_buffer("freq", 2.0 ** torch.arange(n_freq) * math.pi / 4)
        self.net = nn.Sequential(
            nn.Linear(2 + 2 * n_freq, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 2))

    def forward(self, x, t):
        a = t[:, None] * self.freq
        return self.net(torch.cat([x, a.sin(), a.cos()], 1))


class Diffusion:
    def __init__(self, steps=60):
        self.steps = steps
        self.beta = torch.linspace(1e-3, 0.15, steps)
        self.alpha = 1 - self.beta
        self.bar = torch.cumprod(self.alpha, 0)

    def loss(self, model, x0):
        k = torch.randint(self.steps, (len(x0),))
        eps = torch.randn_like(x0)
        ab = self.bar[k][:, None]
        xt = ab.sqrt() * x0 + (1 - ab).sqrt() * eps
        return ((model(xt, k / self.steps) - eps) ** 2).mean()

    @torch.no_grad()
    def sample(self, model, n):
        x = torch.randn(n, 2)
        for k in reversed(range(self.steps)):
            t = torch.full((n,), k / self.steps)
            eps = model(x, t)
            x = (x - self.beta[k] / (1 - self.bar[k]).sqrt() * eps) / self.alpha[k].sqrt()
            if k > 0:
                x = x + self.beta[k].sqrt() * torch.randn_like(x)
        return x


def sliced(a, b):
    v = torch.randn(2, 64)
    v = v / v.norm(dim=0)
    return ((a @ v).sort(0).values - (b @ v).sort(0).values).abs().mean().item()


def moons(n, seed):
    x = make_moons(n, noise=0.06, random_state=seed)[0]
    return torch.tensor((x - [0.5, 0.25]) / [0.87, 0.5], dtype=torch.float32)


def main(args):
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    data, fresh = moons(4000, args.seed), moons(2000, args.seed + 999)
    model, diffusion = Denoiser(), Diffusion()
    ema = EMA(model, decay=0.99 if args.fixed else 0.9999)
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(1, args.steps + 1):
        x0 = data[torch.randint(len(data), (256,))]
        loss = diffusion.loss(model, x0)
        opt.zero_grad()
        loss.backward()
        opt.step()
        ema.update(model)
        if step % 150 == 0:
            print(f"step {step} loss {loss.item():.4f}")
    samples = diffusion.sample(ema.model, 2000)
    print(f"sliced distance of the samples {sliced(samples, fresh):.4f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--steps", type=int, default=900)
    ap.add_argument("--fixed", action="store_true")
    main(ap.parse_args())
