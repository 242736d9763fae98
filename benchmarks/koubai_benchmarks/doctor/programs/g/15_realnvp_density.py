# truth: faulty
# task: RealNVP density of a six-dimensional banana, judged by the held-out negative log-likelihood
# wrong: every coupling layer uses the same mask, so half of the dimensions pass through untouched
# accept: none
# after: https://github.com/ikostrikov/pytorch-flows/pull/10
# metric: lower
import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

D = 6


def banana(n, rng):
    z = rng.normal(size=(n, D))
    x = np.empty_like(z)
    sign = rng.choice([-1.0, 1.0], size=n)
    x[:, 0] = sign * 1.5 + 0.3 * z[:, 0]
    x[:, 1] = np.sin(2 * x[:, 0]) + 0.2 * z[:, 1]
    x[:, 2] = x[:, 1] ** 2 + 0.2 * z[:, 2]
    x[:, 3] = 0.5 * x[:, 0] * x[:, 2] + 0.3 * z[:, 3]
    x[:, 4] = np.cos(x[:, 3]) + 0.2 * z[:, 4]
    x[:, 5] = x[:, 4] - x[:, 0] + 0.2 * z[:, 5]
    return torch.tensor(x, dtype=torch.float32)


class CouplingLayer(nn.Module):
    def __init__(self, mask, hidden):
        super().__init__()
        self.register_buffer("mask", mask)
        self.scale = nn.Sequential(nn.Linear(D, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, D))
        self.shift = nn.Sequential(nn.Linear(D, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, D))
        for net in (self.scale, self.shift):
            nn.init.zeros_(net[-1].weight)
            nn.init.zeros_(net[-1].bias)

    def forward(self, x):
        kept = x * self.mask
        s = torch.tanh(self.scale(kept) / 2) * 2 * (1 - self.mask)
        t = self.shift(kept) * (1 - self.mask)
        return kept + (1 - self.mask) * (x * torch.exp(s) + t), s.sum(1)


class RealNVP(nn.Module):
    def __init__(self, n_layers=6, hidden=48, alternate=True):
        super().__init__()
        mask = torch.arange(D) % 2
        layers = []
        for _ in range(n_layers):
            layers.append(CouplingLayer(mask.float(), hidden))
            if alternate:
                mask = 1 - mask
        self.layers = nn.ModuleList(layers)
        self.prior = torch.distributions.Normal(0.0, 1.0)

    def log_prob(self, x):
        total = 0.0
        for layer in self.layers:
            x, ld = layer(x)
            total = total + ld
        return self.prior.log_prob(x).sum(1) + total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train, test = banana(4000, rng), banana(2000, rng)
    mu, sd = train.mean(0), train.std(0)
    train, test = (train - mu) / sd, (test - mu) / sd
    flow = RealNVP(alternate=args.fixed)
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12)
    loader = DataLoader(TensorDataset(train), batch_size=100, shuffle=True)
    for epoch in range(12):
        total = 0.0
        for (x,) in loader:
            loss = -flow.log_prob(x).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
            optimizer.step()
            total += loss.item()
        scheduler.step()
        print(f"epoch {epoch:2d} train nll {total / len(loader):.4f}")
    flow.eval()
    with torch.no_grad():
        print(f"held-out nll {-flow.log_prob(test).mean().item():.4f}")


if __name__ == "__main__":
    main()
