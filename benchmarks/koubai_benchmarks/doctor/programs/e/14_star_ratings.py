# truth: faulty
# task: predict the stars that users give to films by matrix factorization
# wrong: the model rounds its answer to whole stars before the loss; round has gradient zero, nothing learns
# accept: not_training, wrong_gradient, vanishing_gradient
# after: https://discuss.pytorch.org/t/torch-round-gradient/28628
# metric: lower
import argparse

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--fixed", action="store_true")
ap.add_argument("--factors", type=int, default=8)
args = ap.parse_args()
torch.manual_seed(args.seed)
rng = np.random.RandomState(args.seed)

N_USERS, N_FILMS, N_RATINGS = 300, 200, 14000


def ratings():
    taste = rng.normal(0, 1, (N_USERS, 4))
    genre = rng.normal(0, 1, (N_FILMS, 4))
    mood = rng.normal(0, 0.5, N_USERS)
    fame = rng.normal(0, 0.7, N_FILMS)
    u = rng.randint(0, N_USERS, N_RATINGS)
    f = rng.randint(0, N_FILMS, N_RATINGS)
    s = 3.4 + mood[u] + fame[f] + 0.45 * (taste[u] * genre[f]).sum(1) + rng.normal(0, 0.4, N_RATINGS)
    return torch.tensor(u), torch.tensor(f), torch.tensor(np.clip(np.round(s), 1, 5), dtype=torch.float32)


class MF(nn.Module):
    def __init__(self, n_users, n_films, k, mean):
        super().__init__()
        self.P = nn.Embedding(n_users, k)
        self.Q = nn.Embedding(n_films, k)
        self.bu = nn.Embedding(n_users, 1)
        self.bf = nn.Embedding(n_films, 1)
        self.register_buffer("mean", mean)
        for e in (self.P, self.Q):
            nn.init.normal_(e.weight, std=0.1)
        for e in (self.bu, self.bf):
            nn.init.zeros_(e.weight)

    def forward(self, u, f):
        dot = (self.P(u) * self.Q(f)).sum(1)
        stars = self.mean + self.bu(u).squeeze(1) + self.bf(f).squeeze(1) + dot
        if not args.fixed:
            stars = torch.round(stars)
        return stars


u, f, s = ratings()
cut = int(0.85 * N_RATINGS)
model = MF(N_USERS, N_FILMS, args.factors, s[:cut].mean())
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
criterion = nn.MSELoss()

for epoch in range(12):
    perm = torch.randperm(cut)
    total = 0.0
    for i in range(0, cut, 256):
        b = perm[i:i + 256]
        loss = criterion(model(u[b], f[b]), s[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b)
    if epoch % 4 == 0:
        print("epoch %2d  loss %.4f" % (epoch, total / cut))

with torch.no_grad():
    err = model(u[cut:], f[cut:]).clamp(1, 5) - s[cut:]
    rmse = err.pow(2).mean().sqrt().item()
print("held-out RMSE in stars %.4f" % rmse)
