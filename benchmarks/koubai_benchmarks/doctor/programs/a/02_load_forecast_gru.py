# truth: faulty
# task: a GRU forecasts the next hour of a seasonal load curve
# wrong: predictions (B, 1) are compared with targets (B,): the loss is over all pairs, so the best answer is the batch mean
# accept: output_loss_mismatch, not_learning, under_fitting
# after: https://github.com/jsboige/CoursIA/pull/926 and https://github.com/deepset-ai/FARM/issues/229
# metric: lower
import sys
import warnings

import numpy as np
import torch
from torch import nn

warnings.filterwarnings("ignore")
FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(SEED)
rs = np.random.RandomState(SEED)

# ---- a year of hourly load -------------------------------------------------
t = np.arange(24 * 200)
load = (np.sin(2 * np.pi * t / 24) + 0.5 * np.sin(2 * np.pi * t / 168 + 0.7)
        + 0.3 * np.sin(4 * np.pi * t / 24) + 0.1 * rs.randn(len(t)))
split = int(0.8 * len(load))
mu, sd = load[:split].mean(), load[:split].std()
series = ((load - mu) / sd).astype("float32")

WINDOW = 24


def windows(a):
    X = np.stack([a[i:i + WINDOW] for i in range(len(a) - WINDOW)])
    y = a[WINDOW:]
    return torch.from_numpy(X).unsqueeze(-1), torch.from_numpy(y.copy())


Xtr, ytr = windows(series[:split])
Xte, yte = windows(series[split:])


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, x):
        _, h = self.gru(x)
        out = self.head(h[-1])
        return out.squeeze(-1) if FIXED else out


net = Forecaster()
optim = torch.optim.Adam(net.parameters(), lr=2e-3)
loss_fn = nn.MSELoss()

for epoch in range(1, 9):
    net.train()
    perm = torch.randperm(len(Xtr))
    total, nb = 0.0, 0
    for i in range(0, len(perm), 64):
        idx = perm[i:i + 64]
        pred = net(Xtr[idx])
        loss = loss_fn(pred, ytr[idx])
        optim.zero_grad()
        loss.backward()
        optim.step()
        total += loss.item()
        nb += 1
    print("Epoch %d, train loss %.5f" % (epoch, total / nb))

net.eval()
with torch.no_grad():
    p = net(Xte).flatten()
    mae = (p - yte).abs().mean().item()
print("test MAE (standardised): %.4f" % mae)
