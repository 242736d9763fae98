# truth: faulty
# task: rating prediction by matrix factorization with biases
# wrong: the embeddings keep the default N(0, 1) start; with 64 factors the first predictions have a spread of 8 stars
# accept: init_too_large
# after: https://github.com/pytorch/pytorch/issues/3121
# metric: lower
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)


class Ratings(Dataset):
    def __init__(self, users, items, stars):
        self.users, self.items, self.stars = users, items, stars

    def __len__(self):
        return len(self.stars)

    def __getitem__(self, i):
        return self.users[i], self.items[i], self.stars[i]


def simulate(n_users, n_items, n_ratings, rng):
    taste = rng.normal(size=(n_users, 3))
    style = rng.normal(size=(n_items, 3))
    bu, bi = 0.4 * rng.normal(size=n_users), 0.5 * rng.normal(size=n_items)
    flat = rng.choice(n_users * n_items, n_ratings, replace=False)
    u, i = flat // n_items, flat % n_items
    raw = 3.5 + bu[u] + bi[i] + 0.5 * (taste[u] * style[i]).sum(1) + 0.3 * rng.normal(size=n_ratings)
    stars = np.clip(np.round(raw), 1, 5)
    return torch.from_numpy(u), torch.from_numpy(i), torch.from_numpy(stars).float()


class BiasedMF(nn.Module):
    def __init__(self, n_users, n_items, n_factors, mean, scaled):
        super().__init__()
        self.user_factors = nn.Embedding(n_users, n_factors)
        self.item_factors = nn.Embedding(n_items, n_factors)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        nn.init.zeros_(self.user_bias.weight)
        nn.init.zeros_(self.item_bias.weight)
        if scaled:
            nn.init.normal_(self.user_factors.weight, std=1 / n_factors)
            nn.init.normal_(self.item_factors.weight, std=1 / n_factors)
        self.mean = mean

    def forward(self, u, i):
        dot = (self.user_factors(u) * self.item_factors(i)).sum(1)
        return self.mean + dot + self.user_bias(u).squeeze(1) + self.item_bias(i).squeeze(1)


def rmse(model, data):
    model.eval()
    with torch.no_grad():
        p = model(data.users, data.items).clamp(1, 5)
        return ((p - data.stars) ** 2).mean().sqrt().item()


def fit(model, train, valid, epochs, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    loss_fn = nn.MSELoss()
    loader = DataLoader(train, batch_size=512, shuffle=True)
    for epoch in range(epochs):
        model.train()
        seen = 0.0
        for u, i, r in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(u, i), r)
            loss.backward()
            optimizer.step()
            seen += loss.item() * len(r)
        print(f"epoch {epoch + 1}: train mse {seen / len(train):.4f}, validation rmse {rmse(model, valid):.4f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--factors", type=int, default=64)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    u, i, r = simulate(400, 250, 30000, rng)
    train, valid, test = (Ratings(u[a:b], i[a:b], r[a:b]) for a, b in ((0, 24000), (24000, 27000), (27000, 30000)))
    net = BiasedMF(400, 250, args.factors, train.stars.mean().item(), scaled=args.fixed)
    fit(net, train, valid, epochs=12, lr=3e-3)
    print(f"test rmse {rmse(net, test):.4f}")
