# truth: healthy
# task: regression with a predicted mean and variance (Gaussian negative log-likelihood, which falls below zero)
# after: https://github.com/roggirg/AutoBots/issues/7 (a negative NLL is normal)
# metric: lower
import argparse
import math
import numpy as np
import torch
import torch.nn as nn


def make_data(n, rng):
    x = rng.uniform(-3, 3, (n, 2))
    mean = np.sin(2 * x[:, 0]) * 0.5 + 0.2 * x[:, 1] ** 2 - 0.6
    std = 0.02 + 0.08 / (1 + np.exp(-3 * x[:, 0]))
    y = mean + std * rng.standard_normal(n)
    return (torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32),
            torch.tensor(mean, dtype=torch.float32))


class MeanVar(nn.Module):
    def __init__(self, d=2, h=64):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(d, h), nn.SiLU(), nn.Linear(h, h), nn.SiLU())
        self.mu = nn.Linear(h, 1)
        self.logvar = nn.Linear(h, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.mu(h).squeeze(-1), self.logvar(h).squeeze(-1).clamp(-10, 4)


def nll(mu, logvar, y):
    return 0.5 * (logvar + (y - mu) ** 2 * torch.exp(-logvar)).mean()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    xt, yt, _ = make_data(3000, rng)
    xv, yv, mv = make_data(1000, rng)

    net = MeanVar()
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=45)
    for epoch in range(45):
        warm = epoch < 8
        perm = torch.randperm(len(xt))
        tot = 0.0
        for i in range(0, len(perm), 64):
            j = perm[i:i + 64]
            mu, lv = net(xt[j])
            if warm:
                loss = ((mu - yt[j]) ** 2).mean() + 0 * lv.sum()
            else:
                loss = nll(mu, lv, yt[j])
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            opt.step()
            tot += loss.item() * len(j)
        sched.step()
        with torch.no_grad():
            mu, lv = net(xv)
            val = nll(mu, lv, yv).item()
        if epoch % 5 == 4:
            print(f"{epoch:3d} {'mse' if warm else 'nll'} {tot / len(xt):8.4f}  val nll {val:8.4f}")

    with torch.no_grad():
        mu, lv = net(xv)
        z = (yv - mu) / torch.exp(0.5 * lv)
        print(f"std of the standardized residuals {z.std():.3f}, "
              f"mean sigma {torch.exp(0.5 * lv).mean():.3f}, "
              f"entropy-like bound {0.5 * math.log(0.05 ** 2):.2f}")
        print(f"rmse of the predicted mean: {((mu - mv) ** 2).mean().sqrt().item():.4f}")


if __name__ == "__main__":
    main()
