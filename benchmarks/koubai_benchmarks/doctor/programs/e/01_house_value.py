# truth: faulty
# task: regress a made-up house value from eight table columns
# wrong: the network answers (batch, 1), the targets are (batch,), so the squared error is broadcast over all pairs and the net learns the mean
# accept: output_loss_mismatch
# after: https://discuss.pytorch.org/t/output-of-the-model-depends-on-the-shape-of-the-weights-tensor/148155
# metric: lower
import sys
import warnings

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")
torch.set_num_threads(1)

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
fixed = "--fixed" in sys.argv
torch.manual_seed(seed)
rng = np.random.RandomState(seed)

# ---------------------------------------------------------------- data
n = 3000
rooms = rng.randint(1, 9, n)
area = rooms * rng.uniform(12, 28, n)
age = rng.gamma(2.0, 15.0, n)
dist = rng.exponential(6.0, n)
income = rng.lognormal(1.0, 0.4, n)
floor = rng.randint(0, 12, n)
garden = rng.binomial(1, 0.35, n)
noise_level = rng.uniform(30, 75, n)
value = (2.1 * area + 18 * income * np.exp(-dist / 9) - 0.9 * age + 25 * garden
         - 0.4 * noise_level * (dist < 3) + 1.5 * floor * garden)
value = value + rng.normal(0, 8, n)

X = np.stack([rooms, area, age, dist, income, floor, garden, noise_level], 1)
n_train = 2400
mu, sd = X[:n_train].mean(0), X[:n_train].std(0)
X = (X - mu) / sd
y_mu, y_sd = value[:n_train].mean(), value[:n_train].std()
y = (value - y_mu) / y_sd

X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
if fixed:
    y = y.unsqueeze(1)

train_loader = DataLoader(TensorDataset(X[:n_train], y[:n_train]), batch_size=64, shuffle=True)

# ---------------------------------------------------------------- model
net = nn.Sequential(
    nn.Linear(8, 64), nn.ReLU(),
    nn.Linear(64, 64), nn.ReLU(),
    nn.Linear(64, 1),
)
loss_fn = nn.MSELoss()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)

# ---------------------------------------------------------------- training
for epoch in range(12):
    total = 0.0
    for xb, yb in train_loader:
        opt.zero_grad()
        pred = net(xb)
        loss = loss_fn(pred, yb)
        loss.backward()
        opt.step()
        total += loss.item() * len(xb)
    if (epoch + 1) % 3 == 0:
        print("epoch %3d   train mse %.4f" % (epoch + 1, total / n_train))

# ---------------------------------------------------------------- test
net.eval()
with torch.no_grad():
    p = net(X[n_train:]).numpy().ravel() * y_sd + y_mu
truth = value[n_train:]
rmse = float(np.sqrt(np.mean((p - truth) ** 2)))
print("mean predicted value %.1f, mean true value %.1f" % (p.mean(), truth.mean()))
print("test rmse (thousands): %.3f" % rmse)
