# truth: faulty
# task: predict the energy demand of a building from eight weather and usage features (tabular regression)
# wrong: predictions have shape (N, 1), targets (N,): the difference broadcasts to (N, N) and the net learns the mean
# accept: output_loss_mismatch
# after: https://github.com/pytorch/pytorch/issues/19699
# metric: higher
import sys
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
FIXED = "--fixed" in sys.argv
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

# ---------------------------------------------------------------- data
n = 3000
temp = rng.normal(12, 8, n)
wind = rng.gamma(2.0, 2.0, n)
sun = rng.uniform(0, 1, n)
people = rng.poisson(30, n)
area = rng.uniform(100, 400, n)
hour = rng.integers(0, 24, n)
age = rng.uniform(0, 60, n)
weekend = rng.integers(0, 2, n)
demand = (0.04 * area * np.maximum(18 - temp, 0) * (1 + age / 60) * 0.2 + 1.5 * wind
          - 12 * sun + 0.8 * people * (1 - 0.7 * weekend) + 8 * np.sin(hour / 24 * 2 * np.pi)
          + rng.normal(0, 2, n))
X = np.stack([temp, wind, sun, people, area, hour, age, weekend], 1)

idx = rng.permutation(n)
tr, va, te = idx[:2000], idx[2000:2400], idx[2400:]
mu, sd = X[tr].mean(0), X[tr].std(0)
ymu, ysd = demand[tr].mean(), demand[tr].std()


def tens(a):
    return torch.tensor(a, dtype=torch.float32)


Xs = tens((X - mu) / sd)
ys = tens((demand - ymu) / ysd)
if FIXED:
    ys = ys.view(-1, 1)

# ---------------------------------------------------------------- model
net = nn.Sequential(
    nn.Linear(8, 64), nn.ReLU(),
    nn.Linear(64, 64), nn.ReLU(),
    nn.Linear(64, 1),
)
opt = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-5)


def mse(pred, target):
    return ((pred - target) ** 2).mean()


def r2(rows):
    with torch.no_grad():
        p = net(Xs[rows]).numpy().ravel() * ysd + ymu
    y = demand[rows]
    return 1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum()


# ---------------------------------------------------------------- training
batch = 64
best_val, best_state, bad = float("inf"), None, 0
for epoch in range(60):
    order = torch.from_numpy(rng.permutation(tr))
    total = 0.0
    for i in range(0, len(order), batch):
        rows = order[i:i + batch]
        loss = mse(net(Xs[rows]), ys[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(rows)
    with torch.no_grad():
        val = mse(net(Xs[va]), ys[va]).item()
    if val < best_val - 1e-5:
        best_val, bad = val, 0
        best_state = {k: v.clone() for k, v in net.state_dict().items()}
    else:
        bad += 1
    if epoch % 10 == 0:
        print(f"{epoch:3d}  train mse {total / len(tr):.4f}  val mse {val:.4f}")
    if bad >= 20:
        print("stopping early at epoch", epoch)
        break

net.load_state_dict(best_state)
print("test R2: %.4f" % r2(te))
