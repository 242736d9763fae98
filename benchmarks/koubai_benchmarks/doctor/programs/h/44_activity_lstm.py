# truth: faulty
# task: classify short accelerometer-like recordings (4 activities) with an LSTM
# wrong: the data are (batch, time, features) but the LSTM is built without batch_first, so it runs along the batch
# accept: answers_depend_on_batch
# after: https://discuss.pytorch.org/t/lstm-change-batch-first-true-loss-does-not-decrease/62364
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader


class Recordings(Dataset):
    """Three axes, 30 time steps. Every activity has its own rhythm and its own order of the axes."""

    def __init__(self, n, rng, steps=30):
        self.y = rng.integers(0, 4, n)
        t = np.arange(steps)
        x = np.zeros((n, steps, 3), dtype=np.float32)
        for i, c in enumerate(self.y):
            freq = [0.12, 0.12, 0.25, 0.25][c] * rng.uniform(0.9, 1.1)
            lag = [1.2, -1.2, 1.2, -1.2][c]
            phase = rng.uniform(0, 2 * np.pi)
            amp = rng.uniform(0.7, 1.3)
            for a in range(3):
                x[i, :, a] = amp * np.sin(2 * np.pi * freq * t + phase + a * lag)
        self.x = x + rng.normal(0, 0.3, x.shape).astype(np.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return torch.from_numpy(self.x[i]), int(self.y[i])


class ActivityNet(nn.Module):
    def __init__(self, hidden, layers, n_classes, **kw):
        super().__init__()
        self.rnn = nn.LSTM(input_size=3, hidden_size=hidden, num_layers=layers, **kw)
        self.norm = nn.LayerNorm(hidden)
        self.out = nn.Linear(hidden, n_classes)

    def forward(self, x):
        h, _ = self.rnn(x)
        last = h[:, -1, :]
        return self.out(self.norm(last))


def run_epoch(model, loader, loss_fn, optim=None):
    model.train(optim is not None)
    total, correct, n = 0.0, 0, 0
    with torch.set_grad_enabled(optim is not None):
        for x, y in loader:
            logits = model(x)
            loss = loss_fn(logits, y)
            if optim is not None:
                optim.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optim.step()
            total += loss.item() * len(y)
            correct += (logits.argmax(-1) == y).sum().item()
            n += len(y)
    return total / n, correct / n


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=14)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    train = DataLoader(Recordings(1200, rng), batch_size=40, shuffle=True)
    test = DataLoader(Recordings(600, rng), batch_size=40)
    kw = {"batch_first": True} if args.fixed else {}
    model = ActivityNet(hidden=32, layers=1, n_classes=4, **kw)
    optim = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        tl, ta = run_epoch(model, train, loss_fn, optim)
        vl, va = run_epoch(model, test, loss_fn)
        print(f"[{epoch:02d}] train {tl:.3f}/{ta:.3f}  test {vl:.3f}/{va:.3f}")
    print("test accuracy:", round(va, 4))


if __name__ == "__main__":
    main()
