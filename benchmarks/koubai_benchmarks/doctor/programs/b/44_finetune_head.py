# truth: faulty
# task: pretrain on digits 0-5, freeze the body, give it a new head for digits 6-9
# wrong: the optimizer is made over the old head; the new head is put in afterwards and is never updated
# accept: not_training
# after: https://www.codegenes.net/blog/optimizer-for-part-of-model-pytorch and https://leyaa.ai/codefly/learn/pytorch/part-2/pytorch-replacing-classifier-head/why (replacing the classifier head, optimizer over part of a model)
# metric: higher
import argparse
import sys

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

FIXED = "--fixed" in sys.argv


class DigitNet(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.fc = nn.Linear(64, n_classes)

    def forward(self, x):
        return self.fc(self.body(x))


def make_loader(x, y, digits, batch=32, shuffle=True):
    keep = np.isin(y, digits)
    xs = torch.tensor(x[keep] / 16.0, dtype=torch.float32)
    ys = torch.tensor(np.searchsorted(digits, y[keep]))
    return DataLoader(TensorDataset(xs, ys), batch_size=batch, shuffle=shuffle)


def fit(model, loader, optimizer, epochs, tag):
    loss_fn = nn.CrossEntropyLoss()
    for e in range(epochs):
        seen = hits = 0
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            out = model(x)
            loss = loss_fn(out, y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            seen += len(y)
        if (e + 1) % 5 == 0:
            print(f"[{tag}] epoch {e + 1} loss {total / seen:.4f} acc {hits / seen:.3f}")


def evaluate(model, loader):
    with torch.no_grad():
        pairs = [(model(x).argmax(1) == y) for x, y in loader]
    return torch.cat(pairs).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    x, y = load_digits(return_X_y=True)
    order = np.random.RandomState(args.seed).permutation(len(x))
    x, y = x[order], y[order]
    cut = 1300

    model = DigitNet(6)
    fit(model, make_loader(x[:cut], y[:cut], np.arange(6)), torch.optim.Adam(model.parameters(), 1e-3), 10, "pretrain")

    for p in model.body.parameters():
        p.requires_grad = False
    if FIXED:
        model.fc = nn.Linear(64, 4)
        optimizer = torch.optim.Adam(model.fc.parameters(), lr=3e-3)
    else:
        optimizer = torch.optim.Adam(model.fc.parameters(), lr=3e-3)
        model.fc = nn.Linear(64, 4)

    new = np.arange(6, 10)
    fit(model, make_loader(x[:cut], y[:cut], new), optimizer, 60, "finetune")
    print(f"test accuracy on the new digits: {evaluate(model, make_loader(x[cut:], y[cut:], new, shuffle=False)):.4f}")


if __name__ == "__main__":
    main()
