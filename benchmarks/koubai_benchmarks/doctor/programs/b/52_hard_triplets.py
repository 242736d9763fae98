# truth: faulty
# task: batch-hard triplet embedding of digits, 1-NN accuracy of unseen images
# wrong: far too high a learning rate for batch-hard mining: all embeddings collapse to one point and the loss rests at the margin
# accept: representations_alike, learning_rate_too_high, dead_units
# after: https://github.com/omoindrot/tensorflow-triplet-loss/issues/25 (embeddings collapse to a single point so the loss equals the margin; decrease the learning rate)
# metric: higher
import argparse
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

FIXED = "--fixed" in sys.argv
LR = 1e-3 if FIXED else 0.1
MARGIN = 0.5


def pk_batches(labels, p, k, steps, rng):
    groups = [np.where(labels == c)[0] for c in range(10)]
    for _ in range(steps):
        chosen = rng.choice(10, p, replace=False)
        yield np.concatenate([rng.choice(groups[c], k, replace=False) for c in chosen])


def batch_hard(emb, labels):
    dist = torch.cdist(emb, emb, compute_mode="donot_use_mm_for_euclid_dist")
    same = labels[:, None] == labels[None, :]
    hardest_pos = dist.masked_fill(~same, 0).max(1).values
    hardest_neg = dist.masked_fill(same, 1e6).min(1).values
    return F.relu(hardest_pos - hardest_neg + MARGIN).mean()


class Embed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 16))

    def forward(self, x):
        return self.layers(x)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
args = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)
x, y = load_digits(return_X_y=True)
order = rng.permutation(len(x))
x, y = torch.tensor(x[order] / 16.0, dtype=torch.float32), y[order]
xtr, ytr, xte, yte = x[:1200], y[:1200], x[1200:], y[1200:]

net = Embed()
optimizer = torch.optim.Adam(net.parameters(), lr=LR)
history = []
for step, idx in enumerate(pk_batches(ytr, 8, 6, 500, rng), 1):
    loss = batch_hard(net(xtr[idx]), torch.from_numpy(ytr[idx]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    history.append(loss.item())
    if step % 100 == 0:
        print(f"step {step}: triplet loss {np.mean(history[-100:]):.4f}")
with torch.no_grad():
    knn = KNeighborsClassifier(1).fit(net(xtr).numpy(), ytr)
    print(f"1-NN accuracy: {knn.score(net(xte).numpy(), yte):.4f}")
