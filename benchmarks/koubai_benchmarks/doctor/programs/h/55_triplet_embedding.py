# truth: healthy
# task: digit embeddings with a batch-all triplet loss averaged over the active triplets only (it hovers below the margin)
# after: https://github.com/omoindrot/tensorflow-triplet-loss/issues/6
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--margin", type=float, default=0.3)
ap.add_argument("--dim", type=int, default=8)
ap.add_argument("--steps", type=int, default=700)
cfg = ap.parse_args()

torch.set_num_threads(1)
torch.manual_seed(cfg.seed)
rng = np.random.default_rng(cfg.seed)

digits = load_digits()
x = (digits.data / 16.0).astype(np.float32)
xtr, xte, ytr, yte = train_test_split(x, digits.target, test_size=0.4, random_state=cfg.seed,
                                      stratify=digits.target)
by_class = [np.flatnonzero(ytr == c) for c in range(10)]


class Embed(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 64), nn.ReLU(), nn.Linear(64, dim))

    def forward(self, x):
        return F.normalize(self.f(x), dim=1)


def pairwise(e):
    sq = 2 - 2 * e @ e.t()
    return sq.clamp_min(1e-9).sqrt()


def batch_all(e, y, margin):
    d = pairwise(e)
    same = y[:, None] == y[None, :]
    eye = torch.eye(len(y), dtype=torch.bool)
    valid = (same & ~eye)[:, :, None] & (~same)[:, None, :]
    t = (d[:, :, None] - d[:, None, :] + margin)[valid]
    active = t > 1e-6
    return t[active].sum() / active.sum().clamp_min(1), active.float().mean().item()


def sample(p=6, k=5):
    classes = rng.choice(10, p, replace=False)
    idx = np.concatenate([rng.choice(by_class[c], k, replace=False) for c in classes])
    noisy = xtr[idx] + rng.normal(0, 0.05, (p * k, 64)).astype(np.float32)
    return torch.from_numpy(noisy), torch.from_numpy(ytr[idx])


def knn_accuracy(model):
    model.eval()
    with torch.no_grad():
        a = model(torch.from_numpy(xtr)).numpy()
        b = model(torch.from_numpy(xte)).numpy()
    model.train()
    return KNeighborsClassifier(5).fit(a, ytr).score(b, yte)


model = Embed(cfg.dim)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
losses, fractions = [], []
for step in range(1, cfg.steps + 1):
    xb, yb = sample()
    loss, fraction = batch_all(model(xb), yb, cfg.margin)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    fractions.append(fraction)
    if step % 100 == 0:
        print(f"step {step}  loss {np.mean(losses[-100:]):.4f}  active {np.mean(fractions[-100:]):.3f}  "
              f"knn {knn_accuracy(model):.4f}")

print(f"5-nn accuracy of the embeddings {knn_accuracy(model):.4f}")
