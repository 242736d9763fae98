# truth: healthy
# task: two-tower recommender from sparse clicks, weighted binary cross-entropy on all pairs of sampled users
# after: https://github.com/benfred/implicit/pull/103
# metric: higher
import argparse

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

torch.set_num_threads(1)


def click_matrix(n_users, n_items, rng):
    taste, style = rng.normal(size=(n_users, 4)), rng.normal(size=(n_items, 4))
    score = taste @ style.T * 0.9 + 0.4 * rng.normal(size=n_items) - 4.4
    prob = 1 / (1 + np.exp(-score))
    return (rng.random((n_users, n_items)) < prob).astype(np.float32), style


class Tower(nn.Module):
    def __init__(self, n_ids, n_side, dim):
        super().__init__()
        self.ids = nn.Embedding(n_ids, dim)
        nn.init.normal_(self.ids.weight, std=0.05)
        self.side = nn.Linear(n_side, dim, bias=False) if n_side else None

    def forward(self, ids, side=None):
        h = self.ids(ids)
        if self.side is not None:
            h = h + self.side(side)
        return h


class TwoTower(nn.Module):
    def __init__(self, n_users, n_items, n_side, dim=16):
        super().__init__()
        self.users, self.items = Tower(n_users, 0, dim), Tower(n_items, n_side, dim)
        self.popularity = nn.Parameter(torch.zeros(n_items))
        self.offset = nn.Parameter(torch.tensor(-2.0))

    def forward(self, users, items, side):
        return self.users(users) @ self.items(items, side).T + self.popularity[items] + self.offset


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=50)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    clicks, style = click_matrix(600, 300, rng)
    hidden = rng.random(clicks.shape) < 0.15
    side = torch.tensor(style[:, :2] + 0.5 * rng.normal(size=(300, 2)), dtype=torch.float32)
    target, visible = torch.from_numpy(clicks), torch.from_numpy(~hidden).float()
    rate = clicks[~hidden].mean()
    print(f"click rate {rate:.4f}")

    model = TwoTower(600, 300, 2)
    loss_fn = nn.BCEWithLogitsLoss(pos_weight=torch.tensor((1 - rate) / rate).sqrt(), reduction="none")
    optimizer = torch.optim.Adam([
        {"params": [model.users.ids.weight, model.items.ids.weight], "weight_decay": 2e-5},
        {"params": [model.items.side.weight, model.popularity, model.offset], "weight_decay": 0.0}], lr=5e-3)
    items = torch.arange(300)
    for epoch in range(args.epochs):
        total = 0.0
        for users in torch.randperm(600).split(60):
            logits = model(users, items, side)
            loss = (loss_fn(logits, target[users]) * visible[users]).sum() / visible[users].sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 5 == 0:
            print(f"epoch {epoch} loss {total / 10:.4f}")
    with torch.no_grad():
        scores = model(torch.arange(600), items, side).numpy()
    print(f"AUC on the held-out pairs {roc_auc_score(clicks[hidden], scores[hidden]):.4f}")


if __name__ == "__main__":
    main()
