# truth: healthy
# task: embed digits by a triplet loss over the still violating triplets only (the loss hovers near the margin), judged by nearest neighbour
# after: https://github.com/omoindrot/tensorflow-triplet-loss/issues/6
# metric: higher
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)


def batch_all_triplet_loss(z, labels, margin):
    """mean over the triplets that still violate the margin"""
    d = torch.cdist(z, z)
    same = labels[:, None] == labels[None, :]
    eye = torch.eye(len(z), dtype=torch.bool)
    valid = (same & ~eye)[:, :, None] & (~same)[:, None, :]
    t = d[:, :, None] - d[:, None, :] + margin
    t = t[valid]
    active = t > 0
    share = active.float().mean()
    return F.relu(t).sum() / active.sum().clamp(min=1), share


class PKSampler:
    def __init__(self, labels, p, k, rng):
        self.where = [np.flatnonzero(labels == c) for c in range(10)]
        self.p, self.k, self.rng = p, k, rng

    def __call__(self):
        classes = self.rng.choice(10, self.p, replace=False)
        return np.concatenate([self.rng.choice(self.where[c], self.k, replace=False) for c in classes])


def build():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 16),
    )


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--steps", type=int, default=200)
    ap.add_argument("--margin", type=float, default=0.5)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.RandomState(args.seed)
    d = load_digits()
    perm = rng.permutation(len(d.target))
    x = torch.tensor(d.images[perm][:, None] / 16.0, dtype=torch.float32)
    y = d.target[perm]
    x_train, y_train, x_test, y_test = x[:1000], y[:1000], x[1000:], y[1000:]

    net = build()
    draw = PKSampler(y_train, 6, 6, rng)
    opt = torch.optim.Adam(net.parameters(), lr=5e-4)
    for step in range(args.steps):
        idx = draw()
        loss, share = batch_all_triplet_loss(F.normalize(net(x_train[idx]), dim=1), torch.tensor(y_train[idx]), args.margin)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 30 == 0:
            print("step %d loss %.4f active %.3f" % (step, loss.item(), share.item()))

    net.eval()
    with torch.no_grad():
        a, b = F.normalize(net(x_train), dim=1).numpy(), F.normalize(net(x_test), dim=1).numpy()
    knn = KNeighborsClassifier(3).fit(a, y_train)
    print("3-nn accuracy %.4f" % knn.score(b, y_test))


if __name__ == "__main__":
    main()
