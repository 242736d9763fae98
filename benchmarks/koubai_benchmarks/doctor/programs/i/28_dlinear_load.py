# truth: healthy
# task: forecast the next 24 hours of eight made-up load curves from the last 96 hours with two linear maps (DLinear)
# after: https://arxiv.org/abs/2205.13504
# metric: lower
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
PAST, NEXT, KERNEL = 96, 24, 25


def load_curves(hours, channels, rng):
    t = np.arange(hours)
    out = []
    for c in range(channels):
        day = sum(rng.normal(0, 1 / k) * np.sin(2 * np.pi * k * t / 24 + rng.uniform(0, 6.28)) for k in (1, 2, 3))
        week = 0.5 * np.sin(2 * np.pi * t / 168 + rng.uniform(0, 6.28))
        level = np.cumsum(rng.normal(0, 0.02, hours))
        ar = np.zeros(hours)
        for i in range(1, hours):
            ar[i] = 0.8 * ar[i - 1] + rng.normal(0, 0.12)
        out.append((day + week + level + ar) * np.exp(rng.normal(0, 0.5)))
    return np.stack(out, 1).astype(np.float32)


class DLinear(nn.Module):
    """both maps are shared by all channels"""

    def __init__(self):
        super().__init__()
        self.seasonal = nn.Linear(PAST, NEXT)
        self.trend = nn.Linear(PAST, NEXT)
        for lin in (self.seasonal, self.trend):
            nn.init.constant_(lin.weight, 1 / PAST)

    def forward(self, x):                       # batch, PAST, channels
        x = x.transpose(1, 2)
        last = x[..., -1:]
        x = x - last
        pad = F.pad(x, (KERNEL // 2, KERNEL // 2), mode='replicate')
        trend = F.avg_pool1d(pad, KERNEL, stride=1)
        y = self.seasonal(x - trend) + self.trend(trend) + last
        return y.transpose(1, 2)


class EarlyStopping:
    def __init__(self, patience):
        self.patience, self.best, self.bad, self.state = patience, np.inf, 0, None

    def __call__(self, value, model):
        if value < self.best:
            self.best, self.bad = value, 0
            self.state = {k: v.clone() for k, v in model.state_dict().items()}
        else:
            self.bad += 1
        return self.bad >= self.patience


def windows(data, start, stop, step=1):
    idx = np.arange(start, stop - PAST - NEXT, step)
    x = np.stack([data[i:i + PAST] for i in idx])
    y = np.stack([data[i + PAST:i + PAST + NEXT] for i in idx])
    return torch.from_numpy(x), torch.from_numpy(y)


if __name__ == '__main__':
    p = argparse.ArgumentParser()
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--epochs', type=int, default=20)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    data = load_curves(2600, 8, np.random.default_rng(a.seed))
    data = (data - data[:1800].mean(0)) / data[:1800].std(0)
    (x, y), (xv, yv), (xt, yt) = windows(data, 0, 1800), windows(data, 1700, 2150, 3), windows(data, 2150, 2600, 3)
    model, stop = DLinear(), EarlyStopping(3)
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.85)
    for epoch in range(a.epochs):
        tot = 0.0
        for b in torch.randperm(len(x)).split(32):
            loss = F.mse_loss(model(x[b]), y[b])
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item() * len(b)
        sched.step()
        with torch.no_grad():
            val = F.mse_loss(model(xv), yv).item()
        print(f'epoch {epoch + 1}: train {tot / len(x):.4f} valid {val:.4f}')
        if stop(val, model):
            break
    model.load_state_dict(stop.state)
    with torch.no_grad():
        naive = F.mse_loss(xt[:, -NEXT:], yt).item()
        mse = F.mse_loss(model(xt), yt).item()
    print(f'same hours of the day before: mse {naive:.4f}')
    print(f'test mse relative to that: {mse / naive:.4f}')
