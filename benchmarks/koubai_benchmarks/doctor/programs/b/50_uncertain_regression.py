# truth: faulty
# task: regression with predicted variance (Gaussian likelihood written by hand)
# wrong: the targets have shape (N,), mean and log-variance (N, 1); the difference broadcasts to (N, N) and every mean is fitted to all targets
# accept: output_loss_mismatch, labels_wrong
# after: "Simple linear regression in PyTorch" forum thread (out is (4, 1), y is (4,): broadcasting to (4, 4)) and https://stats.stackexchange.com/questions/564809/using-a-neural-network-to-learn-linear-regression-variance
# metric: lower
import argparse
import sys

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

FIXED = "--fixed" in sys.argv


def simulate(n, rng):
    x = rng.uniform(-2, 2, (n, 3))
    mean = np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] ** 2 - x[:, 2]
    noise = 0.1 + 0.2 * (x[:, 0] > 0)
    return torch.FloatTensor(x), torch.FloatTensor(mean + noise * rng.normal(size=n))


class MeanVar(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(3, 50), nn.Tanh(), nn.Linear(50, 50), nn.Tanh())
        self.mean = nn.Linear(50, 1)
        self.logvar = nn.Linear(50, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h), self.logvar(h)


def gaussian_nll(mean, logvar, y):
    return 0.5 * (logvar + (y - mean) ** 2 / logvar.exp()).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    x, y = simulate(2000, rng)
    if FIXED:
        y = y.unsqueeze(1)
    xt, yt = simulate(600, rng)
    loader = DataLoader(TensorDataset(x, y), batch_size=50, shuffle=True)
    net = MeanVar()
    optim = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(30):
        tot = 0.0
        for xb, yb in loader:
            mean, logvar = net(xb)
            loss = gaussian_nll(mean, logvar, yb)
            optim.zero_grad()
            loss.backward()
            optim.step()
            tot += loss.item()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: nll {tot / len(loader):.4f}")
    with torch.no_grad():
        rmse = (net(xt)[0].view(-1) - yt).pow(2).mean().sqrt().item()
    print(f"test RMSE {rmse:.4f}")


main()
