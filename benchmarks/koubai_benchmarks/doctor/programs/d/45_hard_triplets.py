# truth: faulty
# task: embed digits so that neighbours share the class (triplet loss with batch-hard mining)
# wrong: with the hardest triplets and this learning rate all embeddings fall onto one point, the loss stays at the margin
# accept: representations_alike, learning_rate_too_high
# after: https://github.com/omoindrot/tensorflow-triplet-loss/issues/25
# metric: higher
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", default=0, type=int)
parser.add_argument("--fixed", action="store_true")
parser.add_argument("--margin", default=0.5, type=float)
cfg = parser.parse_args()
LR = 1e-3 if cfg.fixed else 5e-2

np.random.seed(cfg.seed)
torch.manual_seed(cfg.seed)
torch.set_num_threads(1)

digits = load_digits()
data = torch.tensor(digits.images[:, None] / 16.0, dtype=torch.float32)
target = digits.target
shuffled = np.random.permutation(len(target))
train_ids, test_ids = shuffled[:1300], shuffled[1300:]
by_class = [train_ids[target[train_ids] == c] for c in range(10)]


def pk_batch(k=8):
    ids = np.concatenate([np.random.choice(by_class[c], k, replace=False) for c in range(10)])
    return data[ids], torch.as_tensor(target[ids])


def pairwise(e):
    sq = (e.unsqueeze(0) - e.unsqueeze(1)).pow(2).sum(-1)
    return (sq + 1e-12).sqrt()


def batch_hard(e, labels, margin):
    d = pairwise(e)
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    hardest_pos = d.masked_fill(~same, 0).max(dim=1).values
    hardest_neg = d.masked_fill(same, float("inf")).min(dim=1).values
    return torch.relu(hardest_pos - hardest_neg + margin).mean()


def precision_at_1(net):
    net.eval()
    with torch.no_grad():
        gallery, query = net(data[train_ids]), net(data[test_ids])
        nearest = torch.cdist(query, gallery).argmin(1).numpy()
    net.train()
    return float((target[train_ids][nearest] == target[test_ids]).mean())


net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
    nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 16),
)
optimizer = torch.optim.Adam(net.parameters(), lr=LR)
for it in range(1, 401):
    x, lab = pk_batch()
    loss = batch_hard(net(x), lab, cfg.margin)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if it % 80 == 0:
        print("iter %4d loss %.4f" % (it, loss.item()))
print("precision@1 %.4f" % precision_at_1(net))
