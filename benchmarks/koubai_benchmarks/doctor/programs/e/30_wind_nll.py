# truth: healthy
# task: forecast wind power with its own error bar; the Gaussian NLL goes below zero and may
# after: https://github.com/roggirg/AutoBots/issues/7
# metric: higher
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)


def wind_power(n, rng):
    w = np.zeros(n)
    for t in range(1, n):
        w[t] = 0.97 * w[t - 1] + rng.normal(0, 0.24)
    speed = 7 + 2.6 * w
    power = 1 / (1 + np.exp(-(speed - 8) / 1.2))
    calm = power * (1 - power)
    return np.clip(power + rng.normal(0, 1, n) * (0.004 + 0.06 * calm), 0, None).astype(np.float32), speed.astype(np.float32)


class Windows(Dataset):
    def __init__(self, power, speed, back=12):
        self.p, self.s, self.back = power, speed, back

    def __len__(self):
        return len(self.p) - self.back

    def __getitem__(self, i):
        j = i + self.back
        x = np.concatenate([self.p[i:j], (self.s[i:j] - 7) / 3, [(self.s[j] - 7) / 3]])
        return torch.tensor(x, dtype=torch.float32), self.p[j]


class GaussianHead(nn.Module):
    def __init__(self, n_in, width=64):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(n_in, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.mean = nn.Linear(width, 1)
        self.raw = nn.Linear(width, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h).squeeze(1), nn.functional.softplus(self.raw(h)).squeeze(1) + 1e-5


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.RandomState(args.seed)
    train = DataLoader(Windows(*wind_power(3000, rng)), batch_size=64, shuffle=True)
    test = DataLoader(Windows(*wind_power(1000, rng)), batch_size=1000)

    net = GaussianHead(25)
    nll = nn.GaussianNLLLoss(eps=1e-6)
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(10):
        net.train()
        total = count = 0
        for x, y in train:
            mu, var = net(x)
            loss = nll(mu, y, var)
            opt.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            opt.step()
            total += loss.item() * len(y)
            count += len(y)
        if epoch % 4 == 0:
            print(f"epoch {epoch:2d} nll {total / count:.4f}")

    net.eval()
    with torch.no_grad():
        x, y = next(iter(test))
        mu, var = net(x)
    inside = ((y - mu).abs() < 2 * var.sqrt()).float().mean().item()
    print(f"inside two sigma: {inside:.3f}")
    print(f"R2 of the mean on a new series: {(1 - (y - mu).pow(2).mean() / y.var()).item():.4f}")


if __name__ == "__main__":
    main()
