# truth: faulty
# task: tell five kinds of motion from windows of a six-channel sensor with a 1-D CNN
# wrong: the windows (batch, time, channel) are brought to (batch, channel, time) by view instead of permute, which mixes times and channels up
# accept: none
# after: https://github.com/vitrioil/Speech-Separation/issues/4
# metric: higher
import argparse
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)

T, C, K = 64, 6, 5


def make_windows(n, rng):
    """accelerometer (3) and gyroscope (3): a shared rhythm whose lag between the two differs by kind"""
    kind = rng.randint(0, K, n)
    t = np.arange(T)[None, :, None] / 50.0
    freq = rng.uniform(1.6, 4.2, (n, 1, 1))
    phase = rng.uniform(0, 2 * math.pi, (n, 1, 1))
    lag = (kind * 2 * math.pi / K)[:, None, None]
    tilt = rng.normal(1.0, 0.35, (n, 1, C))
    acc = np.sin(2 * math.pi * freq * t + phase) * np.ones((1, 1, 3))
    gyr = np.sin(2 * math.pi * freq * t + phase + lag) * np.ones((1, 1, 3))
    x = np.concatenate([acc, gyr], 2) * tilt + rng.normal(0, 0.8, (n, T, C))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(kind)


class MotionNet(nn.Module):
    def __init__(self, fixed):
        super().__init__()
        self.fixed = fixed
        self.c1 = nn.Conv1d(C, 32, 5, padding=2)
        self.c2 = nn.Conv1d(32, 48, 5, padding=2)
        self.c3 = nn.Conv1d(48, 64, 5, padding=2)
        self.b1, self.b2, self.b3 = nn.BatchNorm1d(32), nn.BatchNorm1d(48), nn.BatchNorm1d(64)
        self.head = nn.Linear(64, K)

    def forward(self, x):
        n = x.size(0)
        x = x.permute(0, 2, 1) if self.fixed else x.view(n, C, T)
        x = F.max_pool1d(F.relu(self.b1(self.c1(x))), 2)
        x = F.max_pool1d(F.relu(self.b2(self.c2(x))), 2)
        x = F.relu(self.b3(self.c3(x))).mean(2)
        return self.head(x)


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=8)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.RandomState(args.seed)
    xtr, ytr = make_windows(1600, rng)
    xva, yva = make_windows(400, rng)
    xte, yte = make_windows(1000, rng)

    net = MotionNet(args.fixed)
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
    for ep in range(1, args.epochs + 1):
        net.train()
        for idx in torch.randperm(len(xtr)).split(64):
            loss = F.cross_entropy(net(xtr[idx]), ytr[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        if ep % 2 == 0:
            print(f"epoch {ep:2d} loss {loss.item():.3f} val acc {accuracy(net, xva, yva):.3f}")
    print(f"test accuracy {accuracy(net, xte, yte):.4f}")


if __name__ == "__main__":
    main()
