# truth: faulty
# task: matrix factorisation with the BPR ranking loss on implicit feedback
# wrong: the score differences are summed over the whole batch before the log-sigmoid, so one saturated number is trained instead of each pair
# accept: vanishing_gradient, saturated_units, not_learning
# after: https://discuss.pytorch.org/t/feature-embeddings-for-each-user-and-item-are-identical/111510
# metric: higher
import sys
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

FIXED = "--fixed" in sys.argv


def arg(name, default):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


class BPR(nn.Module):
    def __init__(self, users, items, dim=16):
        super().__init__()
        self.user = nn.Embedding(users, dim)
        self.item = nn.Embedding(items, dim)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.item.weight, std=0.1)

    def loss(self, u, i, j):
        pu, qi, qj = self.user(u), self.item(i), self.item(j)
        diff = pu * (qi - qj)
        if FIXED:
            x = diff.sum(dim=1)
        else:
            x = diff.sum()
        return -F.logsigmoid(x).mean()


def synth(users, items, rng):
    """Every user likes songs of about three of twelve genres."""
    genre = rng.integers(0, 12, items)
    taste = rng.dirichlet(np.full(12, 0.25), users)
    w = taste[:, genre] + 1e-3
    w /= w.sum(1, keepdims=True)
    return [rng.choice(items, size=24, replace=False, p=w[u]) for u in range(users)]


def hit_auc(model, train, test, items, rng):
    with torch.no_grad():
        S = (model.user.weight @ model.item.weight.T).numpy()
    aucs = []
    for u in range(len(test)):
        seen = set(train[u]) | set(test[u])
        neg = np.array([k for k in rng.integers(0, items, 120) if k not in seen])
        aucs.append((S[u, test[u]][:, None] > S[u, neg][None]).mean())
    return float(np.mean(aucs))


def main():
    seed = arg("--seed", 0)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    U, I = 500, 400
    likes = synth(U, I, rng)
    train, test = [l[:18] for l in likes], [l[18:] for l in likes]
    pairs = np.array([(u, i) for u in range(U) for i in train[u]])
    owned = np.zeros((U, I), bool)
    for u in range(U):
        owned[u, train[u]] = True

    model = BPR(U, I)
    opt = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-5)
    for epoch in range(18):
        rng.shuffle(pairs)
        losses = []
        for k in range(0, len(pairs), 256):
            batch = pairs[k:k + 256]
            neg = rng.integers(0, I, len(batch))
            while (bad := owned[batch[:, 0], neg]).any():
                neg[bad] = rng.integers(0, I, bad.sum())
            u, i, j = (torch.from_numpy(a.copy()) for a in (batch[:, 0], batch[:, 1], neg))
            opt.zero_grad()
            loss = model.loss(u, i, j)
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 4 == 0 or epoch == 17:
            print(f"epoch {epoch} bpr loss {np.mean(losses):.4f} AUC {hit_auc(model, train, test, I, np.random.default_rng(7)):.4f}")
    print("held-out AUC:", round(hit_auc(model, train, test, I, np.random.default_rng(8)), 4))


main()
