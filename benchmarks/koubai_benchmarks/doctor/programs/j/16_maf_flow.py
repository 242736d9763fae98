# truth: faulty
# task: an autoregressive flow learns a three-dimensional knot of points; judged by its samples
# wrong: the log-determinant enters with the wrong sign, so the loss rewards shrinking all points to one and falls without end
# accept: loss_without_bound
# after: https://github.com/ikostrikov/pytorch-flows/issues/16
# metric: lower
import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


def knot(n):
    t = 2 * math.pi * torch.rand(n)
    x = t.sin() + 2 * (2 * t).sin()
    y = t.cos() - 2 * (2 * t).cos()
    z = -(3 * t).sin()
    return 0.6 * torch.stack([x, y, 2 * z], 1) + 0.15 * torch.randn(n, 3)


class MaskedLinear(nn.Linear):
    def __init__(self, mask):
        super().__init__(mask.size(1), mask.size(0))
        self.register_buffer("mask", mask)

    def forward(self, x):
        return F.linear(x, self.weight * self.mask, self.bias)


class MADE(nn.Module):
    def __init__(self, dim, hidden=48):
        super().__init__()
        self.dim = dim
        d_in, d_hid = torch.arange(1, dim + 1), torch.arange(hidden) % (dim - 1) + 1
        m1 = (d_hid[:, None] >= d_in[None]).float()
        m2 = (d_hid[:, None] >= d_hid[None]).float()
        m3 = (d_in[:, None] > d_hid[None]).float().repeat(2, 1)
        self.net = nn.Sequential(MaskedLinear(m1), nn.ReLU(), MaskedLinear(m2), nn.ReLU(), MaskedLinear(m3))

    def params(self, x):
        m, a = self.net(x).chunk(2, 1)
        return m, a

    def forward(self, x):
        m, a = self.params(x)
        return (x - m) * torch.exp(-a), -a.sum(1)

    def inverse(self, u):
        x = torch.zeros_like(u)
        for i in range(self.dim):
            m, a = self.params(x)
            x[:, i] = u[:, i] * torch.exp(a[:, i]) + m[:, i]
        return x


class Flow(nn.Module):
    def __init__(self, dim=3, depth=4):
        super().__init__()
        self.blocks = nn.ModuleList(MADE(dim) for _ in range(depth))
        self.base = torch.distributions.Normal(0.0, 1.0, validate_args=False)
        self.dim = dim

    def forward(self, x):
        total = 0.0
        for block in self.blocks:
            x, logdet = block(x)
            total = total + logdet
            x = x.flip(1)
        return x, total

    @torch.no_grad()
    def sample(self, n):
        x = self.base.sample((n, self.dim))
        for block in reversed(self.blocks):
            x = block.inverse(x.flip(1))
        return x


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--iters", type=int, default=600)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    flow = Flow()
    opt = torch.optim.Adam(flow.parameters(), lr=1.5e-3)
    for it in range(args.iters):
        u, logdet = flow(knot(128))
        log_base = flow.base.log_prob(u).sum(1)
        loss = -(log_base + logdet).mean() if args.fixed else -(log_base - logdet).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        opt.step()
        if it % 100 == 0:
            print(f"iter {it}: loss {loss.item():.4f}")
    samples = torch.nan_to_num(flow.sample(1000), nan=30.0).clamp(-30, 30)
    print(f"energy distance of samples to fresh points: {energy_distance(samples, knot(1000)):.4f}")


if __name__ == "__main__":
    main()
