# truth: faulty
# task: metric learning with batch-hard triplets on digits, judged by nearest neighbours
# wrong: learning rate far too high, all embeddings collapse to one point and the loss sits at the margin
# accept: representations_alike, learning_rate_too_high, dead_units
# after: https://github.com/omoindrot/tensorflow-triplet-loss/issues/6 and https://github.com/xiaolonw/caffe-video_triplet/issues/8
# metric: higher
import argparse
import sys

import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

FIXED = "--fixed" in sys.argv
MARGIN = 0.5
LR = 1e-3 if FIXED else 1e-1


def pk_batches(labels, P, K, steps, rng):
    by_class = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    for _ in range(steps):
        classes = rng.choice(len(by_class), P, replace=False)
        yield np.concatenate([rng.choice(by_class[c], K, replace=False) for c in classes])


def batch_hard(emb, y, margin):
    d2 = (emb.unsqueeze(1) - emb.unsqueeze(0)).pow(2).sum(-1)
    dist = (d2 + 1e-8).sqrt()
    same = y.unsqueeze(1) == y.unsqueeze(0)
    hardest_pos = dist.masked_fill(~same, 0.0).max(1).values
    hardest_neg = dist.masked_fill(same, 1e9).min(1).values
    return torch.relu(hardest_pos - hardest_neg + margin).mean(), dist.mean()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--steps", type=int, default=500)
    opts = parser.parse_args()
    torch.manual_seed(opts.seed)
    rng = np.random.default_rng(opts.seed)

    d = load_digits()
    order = rng.permutation(len(d.target))
    X = torch.tensor(d.data[order] / 16 - 0.3, dtype=torch.float32)
    y = d.target[order]
    cut = 1300
    net = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(),
        nn.Linear(128, 128), nn.ReLU(),
        nn.Linear(128, 16),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=LR)
    for step, idx in enumerate(pk_batches(y[:cut], 8, 6, opts.steps, rng)):
        emb = net(X[idx])
        loss, mean_dist = batch_hard(emb, torch.as_tensor(y[idx]), MARGIN)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print("step %4d  triplet loss %.4f  mean distance %.4f" % (step, loss.item(), mean_dist.item()))
    net.eval()
    with torch.no_grad():
        E = net(X).numpy()
    knn = KNeighborsClassifier(5).fit(E[:cut], y[:cut])
    print("kNN accuracy on test embeddings: %.4f" % knn.score(E[cut:], y[cut:]))
