# truth: faulty
# task: GRU with plain SGD predicts the next value of a chaotic logistic-sine series
# wrong: the gradient norm is clipped to 0.001, every update is tiny
# accept: learning_rate_too_low, under_fitting, vanishing_gradient
# after: https://stats.stackexchange.com/posts/487195/revisions ("too small (training is too slow)") and https://discuss.pytorch.org/t/clip-gradient-norm-from-chatbot-tutorial/35106
# metric: lower
import argparse
import sys

import numpy as np
import torch
import torch.nn as nn

FIXED = "--fixed" in sys.argv
CLIP = 1.0 if FIXED else 1e-3


def mackey_like(n, rng):
    x = list(rng.uniform(0.4, 1.2, 18))
    for _ in range(n + 200):
        x.append(x[-1] + 0.2 * x[-18] / (1 + x[-18] ** 10) - 0.1 * x[-1])
    return np.array(x[-n:])


class GRUForecast(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.GRU(1, hidden, batch_first=True)
        self.lin = nn.Linear(hidden, 1)

    def forward(self, x):
        o, _ = self.rnn(x)
        return self.lin(o[:, -1])


def batches(x, y, size, rng):
    p = rng.permutation(len(x))
    for k in range(0, len(p) - size + 1, size):
        yield x[p[k:k + size]], y[p[k:k + size]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    s = mackey_like(3000, rng)
    s = (s - s[:2400].mean()) / s[:2400].std()
    H, W = 6, 20
    X = np.stack([s[i:i + W] for i in range(len(s) - W - H)])
    Y = s[W + H - 1:W + H - 1 + len(X)]
    X = torch.tensor(X, dtype=torch.float32)[..., None]
    Y = torch.tensor(Y, dtype=torch.float32)[:, None]
    n = 2350
    model = GRUForecast()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    mse = nn.MSELoss()
    for epoch in range(args.epochs):
        run = []
        for xb, yb in batches(X[:n], Y[:n], 32, rng):
            optimizer.zero_grad()
            loss = mse(model(xb), yb)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            run.append(loss.item())
        print("epoch {:2d} train mse {:.5f}".format(epoch, np.mean(run)))
    with torch.no_grad():
        print("test mse {:.5f}".format(mse(model(X[n + 30:]), Y[n + 30:]).item()))


if __name__ == "__main__":
    main()
