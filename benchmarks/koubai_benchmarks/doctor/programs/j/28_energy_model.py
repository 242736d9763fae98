# truth: healthy
# task: an energy-based model of two rings, contrastive divergence with Langevin chains and a small penalty on the energies; the loss hovers about nought
# after: https://arxiv.org/abs/1903.08689
# metric: lower
import argparse
import math

import torch
import torch.nn as nn

torch.set_num_threads(1)


def rings(n):
    radius = torch.where(torch.rand(n) < 0.35, 0.7, 1.8)
    ang = 2 * math.pi * torch.rand(n)
    pts = torch.stack([radius * ang.cos(), radius * ang.sin()], 1)
    return pts + 0.08 * torch.randn(n, 2)


class Energy(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
                                  nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))

    def forward(self, x):
        return self.body(x).squeeze(-1)


class Sampler:
    """Replay buffer of chains; a small part is started anew each time."""

    def __init__(self, size=2000, fresh=0.1):
        self.pool = torch.rand(size, 2) * 6 - 3
        self.fresh = fresh

    def langevin(self, energy, x, steps, step_size=0.05, noise=0.06):
        x = x.clone().requires_grad_(True)
        for _ in range(steps):
            grad, = torch.autograd.grad(energy(x).sum(), x)
            with torch.no_grad():
                x = x - step_size * grad + noise * torch.randn_like(x)
            x.requires_grad_(True)
        return x.detach()

    def draw(self, energy, n, steps):
        idx = torch.randint(len(self.pool), (n,))
        start = self.pool[idx].clone()
        renew = torch.rand(n) < self.fresh
        start[renew] = torch.rand(int(renew.sum()), 2) * 6 - 3
        out = self.langevin(energy, start, steps)
        self.pool[idx] = out
        return out


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def train(energy, sampler, opt, iters, alpha):
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(opt, iters)
    for it in range(iters):
        real = rings(128)
        fake = sampler.draw(energy, 128, steps=12)
        e_real, e_fake = energy(real), energy(fake)
        contrast = e_real.mean() - e_fake.mean()
        loss = contrast + alpha * (e_real.pow(2) + e_fake.pow(2)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        rate.step()
        if it % 40 == 0:
            print(f"{it:4d} loss {loss.item():.4f} contrast {contrast.item():.4f} data {e_real.mean().item():.3f}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--iters", type=int, default=320)
    p.add_argument("--alpha", type=float, default=0.1)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    energy, sampler = Energy(), Sampler()
    start = energy_distance(sampler.langevin(energy, torch.rand(800, 2) * 6 - 3, steps=80), rings(800))
    opt = torch.optim.Adam(energy.parameters(), lr=3e-3, betas=(0.5, 0.99))
    train(energy, sampler, opt, args.iters, args.alpha)
    samples = sampler.langevin(energy, torch.rand(800, 2) * 6 - 3, steps=80)
    print(f"energy distance of samples before {start:.5f} after {energy_distance(samples, rings(800)):.5f}")


if __name__ == "__main__":
    main()
