# truth: faulty
# task: one-step forecast of a made-up mid price from the last 24 ticks and some features of each tick
# wrong: the feature "movement" is shifted the wrong way and holds the coming change; live, where it is unknown and filled with zero, the forecast is poor
# accept: future_seen
# after: https://github.com/spawnaga/market_direction_prediction/issues/1
# metric: lower
import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
WINDOW = 24


def market(n, rng):
    """mean-reverting price with two cycles and an order imbalance that leads by one tick"""
    t = np.arange(n)
    imb = np.zeros(n)
    dev = np.zeros(n)
    for i in range(1, n):
        imb[i] = 0.8 * imb[i - 1] + rng.normal(0, 0.6)
        dev[i] = 0.9 * dev[i - 1] + 0.5 * imb[i - 1] + rng.normal(0, 0.25)
    mid = 100 + 3 * np.sin(2 * np.pi * t / 50) + 1.5 * np.sin(2 * np.pi * t / 17) + dev
    return mid, imb, np.exp(rng.normal(0, 0.4, n))


def shift(a, k):
    out = np.full_like(a, np.nan)
    if k > 0:
        out[k:] = a[:-k]
    elif k < 0:
        out[:k] = a[-k:]
    else:
        out[:] = a
    return out


def features(mid, imb, volume, fixed):
    movement = np.diff(mid, prepend=np.nan)
    movement = shift(movement, 0 if fixed else -1)
    cols = [mid - 100, movement, imb, np.log(volume)]
    return np.nan_to_num(np.stack(cols, 1)).astype(np.float32)


class Ticks(Dataset):
    def __init__(self, feats, mid):
        self.f = torch.from_numpy(feats)
        self.y = torch.from_numpy((mid - 100).astype(np.float32))

    def __len__(self):
        return len(self.y) - WINDOW - 1

    def __getitem__(self, i):
        j = i + WINDOW
        return self.f[i:j], self.y[j]


class TrendNet(nn.Module):
    def __init__(self, n_feat, hidden=32):
        super().__init__()
        self.gru = nn.GRU(n_feat, hidden, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden + n_feat, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        h, _ = self.gru(x)
        return self.head(torch.cat([h[:, -1], x[:, -1]], 1)).squeeze(1)


def live(model, mid, imb, volume, fixed, start):
    """replay: at every tick only what has already been seen goes into the features"""
    model.eval()
    wins, truth = [], []
    for now in range(start, len(mid) - 1):
        past = slice(now - WINDOW - 1, now + 1)
        wins.append(features(mid[past], imb[past], volume[past], fixed)[-WINDOW:])
        truth.append(mid[now + 1] - 100)
    with torch.no_grad():
        pred = model(torch.from_numpy(np.stack(wins))).numpy()
    return np.sqrt(np.mean((pred - np.array(truth)) ** 2))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--fixed', action='store_true')
    ap.add_argument('--epochs', type=int, default=10)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    mid, imb, volume = market(3000, np.random.default_rng(args.seed))
    cut = 2400
    feats = features(mid, imb, volume, args.fixed)
    train = DataLoader(Ticks(feats[:cut], mid[:cut]), batch_size=64, shuffle=True)
    valid = DataLoader(Ticks(feats[cut:], mid[cut:]), batch_size=256)
    model = TrendNet(feats.shape[1])
    optim = torch.optim.Adam(model.parameters(), lr=4e-3)
    for ep in range(args.epochs):
        model.train()
        for xb, yb in train:
            loss = nn.functional.mse_loss(model(xb), yb)
            optim.zero_grad()
            loss.backward()
            optim.step()
        model.eval()
        with torch.no_grad():
            se = torch.cat([(model(xb) - yb) ** 2 for xb, yb in valid])
        print(f'epoch {ep + 1} validation rmse {se.mean().sqrt().item():.4f}')
    print('rmse in the live replay: %.4f' % live(model, mid, imb, volume, args.fixed, cut + WINDOW + 1))


if __name__ == '__main__':
    main()
