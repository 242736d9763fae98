# truth: healthy
# task: pretrain a small conv net on digits 0-4, freeze it on purpose (eval mode, no_grad) and train only a linear head for 5-9
# after: https://pytorch.org/tutorials/beginner/transfer_learning_tutorial.html (conv net as fixed feature extractor)
# metric: higher
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        )

    def forward(self, x):
        return self.conv(x).flatten(1)


def fit(params, predict, loader, epochs, lr, tag):
    optimizer = torch.optim.Adam(params, lr=lr)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        total, n = 0.0, 0
        for xb, yb in loader:
            loss = criterion(predict(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total, n = total + loss.item() * len(yb), n + len(yb)
        if epoch == 0 or epoch == epochs - 1:
            print(f"{tag} epoch {epoch + 1}: loss {total / n:.4f}")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 8.0 - 1.0
    y = torch.tensor(d.target)
    order = torch.randperm(len(y))
    x, y = x[order], y[order]
    low, high = y < 5, y >= 5

    backbone = Backbone()
    old_head = nn.Linear(32 * 16, 5)
    first = DataLoader(TensorDataset(x[low], y[low]), batch_size=32, shuffle=True)
    fit([*backbone.parameters(), *old_head.parameters()], lambda v: old_head(backbone(v)), first, 5, 1e-3, "pretraining")

    backbone.eval()
    for p in backbone.parameters():
        p.requires_grad_(False)
    xs, ys = x[high], y[high] - 5
    head = nn.Linear(32 * 16, 5)
    second = DataLoader(TensorDataset(xs[:600], ys[:600]), batch_size=30, shuffle=True)

    def predict(v):
        with torch.no_grad():
            f = backbone(v)
        return head(f)

    fit(head.parameters(), predict, second, 12, 1e-3, "linear probe")
    with torch.no_grad():
        acc = (predict(xs[600:]).argmax(1) == ys[600:]).float().mean().item()
    print(f"accuracy on new digits {acc:.4f}")


main()
