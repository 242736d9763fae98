# truth: faulty
# task: two-spirals classifier whose exponential moving average is the model that is kept
# wrong: EMA decay of 0.9999 with only 600 updates and no warm-up, so the average still is mostly the initial weights
# accept: average_lags
# after: https://github.com/konpatp/diffae/issues/16
# metric: higher
import argparse
import copy

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


def spirals(n, rng):
    t = np.sqrt(rng.random(n)) * 2.6 * np.pi
    side = rng.integers(0, 2, n)
    r = t / (2.6 * np.pi)
    xy = np.stack([r * np.cos(t + np.pi * side), r * np.sin(t + np.pi * side)], 1)
    xy += rng.normal(0, 0.02, xy.shape)
    return torch.tensor(xy, dtype=torch.float32) * 2, torch.tensor(side)


class ModelEMA:
    def __init__(self, model, decay=0.9999, ramp=False):
        self.module = copy.deepcopy(model).eval()
        for p in self.module.parameters():
            p.requires_grad_(False)
        self.decay, self.ramp, self.updates = decay, ramp, 0

    @torch.no_grad()
    def update(self, model):
        self.updates += 1
        d = self.decay
        if self.ramp:
            d = min(d, (1 + self.updates) / (20 + self.updates))
        for e, p in zip(self.module.parameters(), model.parameters()):
            e.mul_(d).add_(p, alpha=1 - d)
        for e, b in zip(self.module.buffers(), model.buffers()):
            e.copy_(b)


class Trainer:
    def __init__(self, args):
        self.net = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(),
                                 nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
        self.ema = ModelEMA(self.net, ramp=args.fixed)
        self.opt = torch.optim.Adam(self.net.parameters(), lr=4e-3)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, args.epochs)
        self.criterion = nn.CrossEntropyLoss()

    def fit(self, loader, epochs):
        for epoch in range(epochs):
            self.net.train()
            total = 0.0
            for x, y in loader:
                loss = self.criterion(self.net(x), y)
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                self.ema.update(self.net)
                total += loss.item() * len(y)
            self.sched.step()
            if epoch % 10 == 0:
                print(f"epoch {epoch} loss {total / len(loader.dataset):.4f}")

    @torch.no_grad()
    def evaluate(self, x, y):
        return (self.ema.module(x).argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--epochs", type=int, default=60)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    xtr, ytr = spirals(1280, rng)
    xte, yte = spirals(1000, rng)
    trainer = Trainer(args)
    trainer.fit(DataLoader(TensorDataset(xtr, ytr), batch_size=128, shuffle=True), args.epochs)
    print(f"test accuracy of the averaged model: {trainer.evaluate(xte, yte):.4f}")
