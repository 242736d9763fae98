# truth: healthy
# task: spline-free autoregressive flow on sharply concentrated data; its negative log-likelihood is rightly negative
# after: https://github.com/bayesiains/nflows/issues/76
# metric: lower
import argparse
import math
import numpy as np
import torch
from torch import nn


def pendulum(n, rng):
    """angle, velocity and energy of a damped pendulum in small units: three numbers close to a surface"""
    a = rng.uniform(-0.2, 0.2, n)
    v = 0.3 * np.cos(12 * a) * 0.2 + rng.normal(0, 0.01, n)
    e = 0.5 * v ** 2 + 1 - np.cos(a) + rng.normal(0, 0.003, n)
    return torch.tensor(np.stack([a, v, e], 1), dtype=torch.float32)


class Conditioner(nn.Module):
    def __init__(self, n_in, hidden=32):
        super().__init__()
        self.n_in = n_in
        if n_in == 0:
            self.free = nn.Parameter(torch.zeros(2))
        else:
            self.net = nn.Sequential(nn.Linear(n_in, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2))
            nn.init.zeros_(self.net[-1].weight)
            nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        out = self.free.expand(len(x), 2) if self.n_in == 0 else self.net(x)
        return out.unbind(1)


class AutoregressiveLayer(nn.Module):
    def __init__(self, dim, order):
        super().__init__()
        self.order = order
        self.conditioners = nn.ModuleList([Conditioner(i) for i in range(dim)])

    def forward(self, x):
        x = x[:, self.order]
        zs, logdet = [], 0.0
        for i, c in enumerate(self.conditioners):
            log_scale, shift = c(x[:, :i])
            log_scale = 3 * torch.tanh(log_scale / 3)
            zs.append((x[:, i] - shift) * torch.exp(log_scale))
            logdet = logdet + log_scale
        return torch.stack(zs, 1), logdet


class Flow(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.register_buffer("scale", scale)
        self.layers = nn.ModuleList([AutoregressiveLayer(3, o) for o in ([0, 1, 2], [2, 1, 0], [1, 2, 0])])

    def nll(self, x):
        z, logdet = x / self.scale, -self.scale.log().sum()
        for layer in self.layers:
            z, ld = layer(z)
            logdet = logdet + ld
        return (0.5 * (z ** 2).sum(1) + 1.5 * math.log(2 * math.pi) - logdet).mean()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--steps", type=int, default=900)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train, test = pendulum(5000, rng), pendulum(2000, rng)
    flow = Flow(train.std(0))
    optimizer = torch.optim.Adam(flow.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=args.steps)
    for step in range(args.steps):
        batch = train[torch.randint(len(train), (128,))]
        loss = flow.nll(batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(flow.parameters(), 10.0)
        optimizer.step()
        scheduler.step()
        if step % 150 == 0:
            print(f"step {step:4d} nll {loss.item():.4f}")
    with torch.no_grad():
        print(f"nll of fresh points {flow.nll(test).item():.4f}")
