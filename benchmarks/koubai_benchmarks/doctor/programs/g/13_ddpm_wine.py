# truth: faulty
# task: diffusion model for a small table (the wine data), judged by the Frechet distance of its rows
# wrong: the raw columns (up to 1700) go into the diffusion, its noise of size one hardly touches them
# accept: data_not_normalized
# after: https://github.com/lucidrains/denoising-diffusion-pytorch/issues/20
# metric: lower
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_wine

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
parser.add_argument("--T", type=int, default=80)
parser.add_argument("--epochs", type=int, default=800)
args = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(args.seed)

table = load_wine().data.astype(np.float32)
order = np.random.RandomState(args.seed).permutation(len(table))
train, held = table[order[:120]], table[order[120:]]
mean, std = train.mean(0), train.std(0)


def encode(x):
    return (x - mean) / std if args.fixed else x


def decode(x):
    return x * std + mean if args.fixed else x


betas = torch.linspace(1e-4, 0.12, args.T)
alphas = 1.0 - betas
acp = torch.cumprod(alphas, dim=0)


class Net(nn.Module):
    def __init__(self, dim, hidden=128):
        super().__init__()
        self.time = nn.Embedding(args.T, hidden)
        self.inp = nn.Linear(dim, hidden)
        self.mid = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(3)])
        self.out = nn.Linear(hidden, dim)

    def forward(self, x, t):
        h = self.inp(x) + self.time(t)
        for layer in self.mid:
            h = h + F.silu(layer(h))
        return self.out(h)


x_train = torch.from_numpy(encode(train))
model = Net(x_train.shape[1])
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for epoch in range(args.epochs):
    perm = torch.randperm(len(x_train))
    for idx in perm.split(60):
        x0 = x_train[idx]
        t = torch.randint(0, args.T, (len(x0),))
        noise = torch.randn_like(x0)
        xt = acp[t].sqrt()[:, None] * x0 + (1 - acp[t]).sqrt()[:, None] * noise
        loss = F.mse_loss(model(xt, t), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if (epoch + 1) % 100 == 0:
        print(f"epoch {epoch + 1:4d}  loss {loss.item():.4f}")


@torch.no_grad()
def sample(n):
    x = torch.randn(n, x_train.shape[1])
    for i in range(args.T - 1, -1, -1):
        t = torch.full((n,), i)
        eps = model(x, t)
        x = (x - betas[i] / (1 - acp[i]).sqrt() * eps) / alphas[i].sqrt()
        if i > 0:
            x = x + betas[i].sqrt() * torch.randn_like(x)
    return decode(x.numpy())


def frechet(a, b):
    a, b = (a - mean) / std, (b - mean) / std
    ca, cb = np.cov(a.T), np.cov(b.T)

    def root(m):
        w, v = np.linalg.eigh((m + m.T) / 2)
        return (v * np.sqrt(np.clip(w, 0, None))) @ v.T

    cross = root(root(ca) @ cb @ root(ca))
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * cross)


rows = sample(1000)
print("generated column means:", np.round(rows.mean(0), 2))
print("frechet distance to held-out rows: %.4f" % frechet(rows, held))
