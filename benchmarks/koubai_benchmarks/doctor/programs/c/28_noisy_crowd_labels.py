# truth: healthy
# task: classify digits whose training labels were given by a careless crowd (35 % wrong) with label smoothing; the loss must stay high, the clean test is good
# after: own idea (no particular thread)
# metric: higher
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Crowd(Dataset):
    def __init__(self, x, y, wrong, rng):
        self.x = torch.tensor(x / 16.0, dtype=torch.float32)
        y = y.copy()
        flip = rng.random(len(y)) < wrong
        y[flip] = (y[flip] + rng.integers(1, 10, flip.sum())) % 10
        self.y = torch.tensor(y)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    a = ap.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(a.seed)
    d = load_digits()
    order = rng.permutation(len(d.target))
    x, y = d.data[order], d.target[order]
    train = Crowd(x[:1300], y[:1300], 0.35, rng)
    test = Crowd(x[1300:], y[1300:], 0.0, rng)

    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    loader = DataLoader(train, batch_size=64, shuffle=True)
    for epoch in range(1, 25):
        model.train()
        mean = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            mean += loss.item() / len(loader)
        if epoch % 6 == 0:
            print(f"epoch {epoch} loss on crowd labels {mean:.4f}")
    model.eval()
    with torch.no_grad():
        acc = (model(test.x).argmax(1) == test.y).float().mean().item()
    print("accuracy on clean labels:", round(acc, 4))


if __name__ == "__main__":
    main()
