# truth: faulty
# task: recommender: predict ratings with user and item embeddings (matrix factorization)
# wrong: 64-dimensional embeddings keep nn.Embedding's N(0, 1) start, so the first scores are off by +-8 and it memorizes
# accept: init_too_large, over_fitting
# after: https://github.com/pytorch/pytorch/issues/3121
# metric: lower
import argparse
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def ratings(rng, n_users=400, n_items=250, n=16000, k=4):
    u = rng.normal(0, 1, (n_users, k))
    v = rng.normal(0, 1, (n_items, k))
    bu, bi = rng.normal(0, 0.3, n_users), rng.normal(0, 0.5, n_items)
    popularity = rng.zipf(1.6, n_items).clip(max=40).astype(float)
    users = rng.integers(0, n_users, n)
    items = rng.choice(n_items, n, p=popularity / popularity.sum() * 0.5 + 0.5 / n_items)
    r = 3.5 + bu[users] + bi[items] + 0.45 * (u[users] * v[items]).sum(1) + rng.normal(0, 0.3, n)
    return users, items, np.clip(r, 0.5, 5.0)


class MF(nn.Module):
    def __init__(self, n_users, n_items, dim, mean):
        super().__init__()
        self.user = nn.Embedding(n_users, dim)
        self.item = nn.Embedding(n_items, dim)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        nn.init.zeros_(self.user_bias.weight)
        nn.init.zeros_(self.item_bias.weight)
        self.mean = mean

    def forward(self, u, i):
        dot = (self.user(u) * self.item(i)).sum(-1)
        return self.mean + dot + self.user_bias(u).squeeze(-1) + self.item_bias(i).squeeze(-1)


def rmse(model, u, i, r):
    with torch.no_grad():
        return ((model(u, i).clamp(0.5, 5.0) - r) ** 2).mean().sqrt().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--dim", type=int, default=64)
    ap.add_argument("--epochs", type=int, default=20)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--l2", type=float, default=1e-5)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    users, items, r = ratings(rng)
    u, i = torch.tensor(users), torch.tensor(items)
    r = torch.tensor(r, dtype=torch.float32)
    cut = int(0.85 * len(r))
    loader = DataLoader(TensorDataset(u[:cut], i[:cut], r[:cut]), batch_size=128, shuffle=True)

    model = MF(400, 250, args.dim, r[:cut].mean().item())
    if args.fixed:
        for emb in (model.user, model.item):
            nn.init.normal_(emb.weight, std=0.05)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.l2)

    for epoch in range(args.epochs):
        total = 0.0
        for bu, bi, br in loader:
            loss = nn.functional.mse_loss(model(bu, bi), br)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(br)
        if epoch % 2 == 1:
            print(f"epoch {epoch + 1:2d}  train mse {total / cut:.4f}  "
                  f"test rmse {rmse(model, u[cut:], i[cut:], r[cut:]):.4f}")
    base = (r[cut:] - r[:cut].mean()).pow(2).mean().sqrt().item()
    print(f"rmse of the mean rating {base:.4f}")
    print(f"test rmse {rmse(model, u[cut:], i[cut:], r[cut:]):.4f}")


if __name__ == "__main__":
    main()
