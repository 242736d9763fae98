# truth: faulty
# task: rank the ten documents of a query by pairwise logistic loss, judged by NDCG on new queries
# wrong: the layers are written by hand with torch.randn weights that are not scaled by the width, the tanh units start deep in saturation
# accept: init_too_large, saturated_units
# after: https://github.com/graykode/xlnet-Pytorch/issues/17
# metric: higher
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
DOCS, FEATS = 10, 24


def queries(n, rng, w, q):
    x = rng.normal(0, 1, (n, DOCS, FEATS))
    topic = rng.normal(0, 1, (n, 1, 6))
    x[:, :, :6] = topic
    match = (x[:, :, 6:12] * topic).mean(2)
    s = 1.4 * match + x[:, :, 12:18] @ w + 0.5 * np.tanh(x[:, :, 18] * x[:, :, 19]) + 0.3 * x[:, :, 20] * q
    s = s + rng.normal(0, 0.25, s.shape)
    order = s.argsort(1).argsort(1)
    rel = np.select([order >= 9, order >= 7, order >= 4], [3, 2, 1], 0)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(rel)


class Dense(nn.Module):
    def __init__(self, n_in, n_out, fixed):
        super().__init__()
        w = torch.randn(n_in, n_out)
        if fixed:
            w = w / n_in ** 0.5
        self.weight = nn.Parameter(w)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        return torch.matmul(x, self.weight) + self.bias


class RankNet(nn.Module):
    def __init__(self, hidden=96, fixed=False):
        super().__init__()
        self.layer1 = Dense(FEATS, hidden, fixed)
        self.layer2 = Dense(hidden, hidden, fixed)
        self.layer3 = Dense(hidden, hidden, fixed)
        self.score = Dense(hidden, 1, fixed)

    def forward(self, x):
        x = torch.tanh(self.layer1(x))
        x = torch.tanh(self.layer2(x))
        x = torch.tanh(self.layer3(x))
        return self.score(x).squeeze(-1)


def pairwise_loss(s, rel):
    better = (rel[:, :, None] > rel[:, None, :]).float()
    diff = s[:, :, None] - s[:, None, :]
    return (F.softplus(-diff) * better).sum() / better.sum()


def ndcg(s, rel):
    disc = 1.0 / torch.log2(torch.arange(2, DOCS + 2).float())
    gain = (2.0 ** rel - 1)
    got = (gain.gather(1, s.argsort(1, descending=True)) * disc).sum(1)
    best = (gain.sort(1, descending=True)[0] * disc).sum(1)
    return (got / best).mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=10)
    a = ap.parse_args()
    torch.manual_seed(a.seed)
    rng = np.random.RandomState(a.seed)
    w, q = rng.normal(0, 0.5, 6), rng.normal()
    x, r = queries(1000, rng, w, q)
    xt, rt = queries(400, rng, w, q)
    net = RankNet(fixed=a.fixed)
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(a.epochs):
        total = 0.0
        for idx in torch.randperm(len(x)).split(25):
            loss = pairwise_loss(net(x[idx]), r[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        if epoch % 3 == 0:
            print("epoch %d pair loss %.4f" % (epoch, total / len(x)))
    with torch.no_grad():
        print("random order NDCG %.4f" % ndcg(torch.rand(len(xt), DOCS), rt))
        print("NDCG on new queries %.4f" % ndcg(net(xt), rt))


if __name__ == "__main__":
    main()
