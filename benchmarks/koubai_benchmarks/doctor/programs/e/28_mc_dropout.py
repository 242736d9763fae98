# truth: healthy
# task: regress the Friedman function, answering with the mean of 50 passes with dropout left on
# after: https://github.com/ageron/handson-ml/issues/653
# metric: higher
import argparse

import numpy as np
import torch
from sklearn.datasets import make_friedman1
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)


class BayesianMLP(nn.Module):
    def __init__(self, n_in, hidden=128, p=0.15):
        super().__init__()
        self.l1, self.l2, self.l3 = nn.Linear(n_in, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, 1)
        self.p = p

    def forward(self, x):
        x = F.dropout(F.relu(self.l1(x)), self.p, training=True)
        x = F.dropout(F.relu(self.l2(x)), self.p, training=True)
        return self.l3(x)[:, 0]


@torch.no_grad()
def predict(net, x, passes=50):
    draws = torch.stack([net(x) for _ in range(passes)])
    return draws.mean(0), draws.std(0)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=24)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    X, y = make_friedman1(n_samples=2000, n_features=10, noise=1.0, random_state=args.seed)
    X = torch.tensor(2 * X - 1, dtype=torch.float32)
    m, s = y[:1400].mean(), y[:1400].std()
    y = torch.tensor((y - m) / s, dtype=torch.float32)
    tr, te = slice(0, 1400), slice(1400, 2000)

    net = BayesianMLP(10)
    opt = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-5)
    for epoch in range(args.epochs):
        for idx in torch.randperm(1400).split(50):
            loss = F.mse_loss(net(X[tr][idx]), y[tr][idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        if epoch % 10 == 0:
            mean, _ = predict(net, X[te], 20)
            print("epoch %d, train %.4f, test %.4f" % (epoch, loss.item(), F.mse_loss(mean, y[te]).item()))

    mean, std = predict(net, X[te])
    resid = y[te] - mean
    print("mean predictive std %.3f, rms residual %.3f" % (std.mean().item(), resid.pow(2).mean().sqrt().item()))
    print("test R2 of the averaged answer %.4f" % (1 - resid.pow(2).mean() / y[te].var()).item())


if __name__ == "__main__":
    main()
