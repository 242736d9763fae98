# truth: healthy
# task: regression on frozen random Fourier features; only the last layer is trained, on purpose
# metric: higher
import argparse
import math
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class RandomFourier(nn.Module):
    """Fixed features; see Rahimi and Recht. Not meant to be trained."""

    def __init__(self, d, m, width):
        super().__init__()
        self.proj = nn.Linear(d, m)
        nn.init.normal_(self.proj.weight, std=1 / width)
        nn.init.uniform_(self.proj.bias, 0, 2 * math.pi)
        self.requires_grad_(False)

    def forward(self, x):
        return torch.cos(self.proj(x)) * math.sqrt(2 / self.proj.out_features)


def friedman(n, rng):
    x = rng.uniform(size=(n, 5)).astype(np.float32)
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    y = (y + rng.normal(size=n) - 14.4) / 5
    return torch.from_numpy(x), torch.tensor(y, dtype=torch.float32)


p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
args = p.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
rng = np.random.default_rng(args.seed)
x, y = friedman(3000, rng)
xt, yt = friedman(800, rng)
model = nn.Sequential(RandomFourier(5, 400, 1.0), nn.Linear(400, 1))
optimizer = torch.optim.Adam([q for q in model.parameters() if q.requires_grad], lr=0.05)
for epoch in range(30):
    tot = 0.0
    for xb, yb in DataLoader(TensorDataset(x, y), 64, shuffle=True):
        loss = nn.functional.mse_loss(model(xb).squeeze(1), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tot += loss.item() * len(yb)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} mse {tot / len(x):.4f}")
with torch.no_grad():
    r2 = 1 - ((model(xt).squeeze(1) - yt) ** 2).mean() / yt.var()
print(f"test R2 {r2.item():.4f}")
