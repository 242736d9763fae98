# truth: faulty
# task: regress the strength of mixtures from eight standardized features, evaluated with averaged weights
# wrong: the moving average (decay 0.999) is updated once per epoch, so the weights that are evaluated are nearly the initial ones
# accept: none
# after: https://github.com/fadel/pytorch_ema/issues/15 (update() called once per epoch; results do not change with the decay)
# metric: higher
import argparse
import copy
import sys

import numpy as np
import torch
from sklearn.metrics import r2_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

FIXED = "--fixed" in sys.argv


class WeightAverage:
    def __init__(self, model, decay):
        self.decay = decay
        self.shadow = copy.deepcopy(model).requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for s, p in zip(self.shadow.parameters(), model.parameters()):
            s.mul_(self.decay).add_(p, alpha=1 - self.decay)


def mixtures(n, rng):
    x = rng.normal(size=(n, 8)).astype(np.float32)
    y = 2 * np.tanh(x[:, 0]) + x[:, 1] * x[:, 2] - 0.7 * np.abs(x[:, 3]) + 0.5 * np.sin(2 * x[:, 4]) + x[:, 5]
    y = y + 0.1 * rng.normal(size=n)
    return x, ((y - 0.0) / 2.0).astype(np.float32)[:, None]


def r2(model, x, y):
    with torch.no_grad():
        return r2_score(y, model(torch.from_numpy(x)).numpy())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--decay", type=float, default=0.999)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x, y = mixtures(4000, rng)
    xv, yv = mixtures(1000, rng)
    loader = DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=32, shuffle=True)
    model = nn.Sequential(nn.Linear(8, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    ema = WeightAverage(model, args.decay)
    for epoch in range(1, args.epochs + 1):
        running = 0.0
        for xb, yb in loader:
            loss = nn.functional.mse_loss(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if FIXED:
                ema.update(model)
            running += loss.item()
        if not FIXED:
            ema.update(model)
        if epoch % 5 == 0:
            print(f"epoch {epoch}: train mse {running / len(loader):.4f}  val R2 {r2(ema.shadow, xv, yv):.3f}")
    print(f"val R2 {r2(ema.shadow, xv, yv):.4f}")


if __name__ == "__main__":
    main()
