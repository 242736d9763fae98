# truth: healthy
# task: Monte-Carlo dropout regression with a learned noise level; dropout stays on at test time on purpose and many draws are averaged
# after: https://arxiv.org/abs/1506.02142
# metric: lower
import sys

import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

n = 1500
X = rng.uniform(-2, 2, (n, 5))
mean = np.sin(2 * X[:, 0]) * X[:, 1] + 0.5 * X[:, 2] ** 2 - np.abs(X[:, 3])
noise = 0.02 + 0.1 * (X[:, 4] > 0)
Y = 40.0 + 6.0 * (mean + noise * rng.normal(size=n))

xa, xb, ya, yb = train_test_split(X, Y[:, None], test_size=0.25, random_state=seed)
sx, sy = StandardScaler().fit(xa), StandardScaler().fit(ya)
xa, xb = (torch.tensor(sx.transform(v), dtype=torch.float32) for v in (xa, xb))
ya_t = torch.tensor(sy.transform(ya), dtype=torch.float32)


class NoisyNet(nn.Module):
    def __init__(self, width=100, p=0.03):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(5, width), nn.ReLU(), nn.Dropout(p),
                                   nn.Linear(width, width), nn.ReLU(), nn.Dropout(p))
        self.mean = nn.Linear(width, 1)
        self.log_var = nn.Linear(width, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h), self.log_var(h).clamp(-8, 3)


def gaussian_nll(mu, log_var, y):
    return 0.5 * (log_var + (y - mu) ** 2 / log_var.exp()).mean()


@torch.no_grad()
def monte_carlo(model, x, draws=60):
    model.train()
    mus, variances = [], []
    for _ in range(draws):
        mu, log_var = model(x)
        mus.append(mu)
        variances.append(log_var.exp())
    mus = torch.stack(mus)
    return mus.mean(0), (mus.var(0) + torch.stack(variances).mean(0)).sqrt()


model = NoisyNet()
opt = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-5)
sched = torch.optim.lr_scheduler.MultiStepLR(opt, [42, 52], gamma=0.3)
loader = DataLoader(TensorDataset(xa, ya_t), batch_size=50, shuffle=True)
for epoch in range(60):
    running = 0.0
    for x, y in loader:
        mu, log_var = model(x)
        loss = gaussian_nll(mu, log_var, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item()
    sched.step()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: negative log-likelihood {running / len(loader):.4f}")

mu, std = monte_carlo(model, xb)
z = (torch.tensor(sy.transform(yb), dtype=torch.float32) - mu).abs() / std
print(f"share of test targets within two standard deviations: {(z < 2).float().mean().item():.3f}")
pred = sy.inverse_transform(mu.numpy())
rmse = float(np.sqrt(np.mean((pred - yb) ** 2)))
print(f"test rmse {rmse:.4f} relative to the spread of the targets {rmse / float(yb.std()):.4f}")
