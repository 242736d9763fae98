# truth: faulty
# task: a soft mixture of experts fits a surface with a different law in each region
# wrong: the experts are kept in a plain Python list, so the optimizer never gets their parameters and only the gate learns
# accept: not_training
# after: https://github.com/pytorch/pytorch/issues/666
# metric: lower
import argparse
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


@dataclass
class Config:
    experts: int = 6
    hidden: int = 24
    lr: float = 1e-2
    batch: int = 64
    steps: int = 450
    balance: float = 0.01


def surface(n):
    x = torch.rand(n, 2) * 4 - 2
    a, b = x[:, 0], x[:, 1]
    y = torch.where(a > 0.5, torch.sin(3 * b), torch.where(b > 0, 1.2 * a * b - 0.5, 0.7 * a ** 2 - b))
    return x, (y + 0.05 * torch.randn(n)).unsqueeze(1)


class Expert(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.up = nn.Linear(2, hidden)
        self.down = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.down(torch.tanh(self.up(x)))


class MixtureOfExperts(nn.Module):
    def __init__(self, cfg, registered):
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, cfg.experts))
        experts = [Expert(cfg.hidden) for _ in range(cfg.experts)]
        self.experts = nn.ModuleList(experts) if registered else experts

    def forward(self, x):
        weight = F.softmax(self.gate(x), dim=-1)
        outs = torch.cat([e(x) for e in self.experts], dim=-1)
        return (weight * outs).sum(-1, keepdim=True), weight


def importance_loss(weight):
    share = weight.mean(0)
    return (share * share.clamp_min(1e-8).log()).sum()


def fit(model, cfg, data):
    x, y = data
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    for step in range(cfg.steps):
        idx = torch.randint(len(x), (cfg.batch,))
        pred, weight = model(x[idx])
        mse = F.mse_loss(pred, y[idx])
        loss = mse + cfg.balance * importance_loss(weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 90 == 0:
            print(f"step {step}: mse {mse.item():.4f}, usage {[round(u, 2) for u in weight.mean(0).tolist()]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    cfg = Config()
    train, test = surface(3000), surface(1500)
    model = MixtureOfExperts(cfg, registered=args.fixed)
    fit(model, cfg, train)
    model.eval()
    with torch.no_grad():
        err = F.mse_loss(model(test[0])[0], test[1]).item()
    print(f"test mse: {err:.5f}")


if __name__ == "__main__":
    main()
