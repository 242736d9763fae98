# truth: faulty
# task: reuse a CNN trained on the digits 0-4 for the digits 5-9 by training a new last layer
# wrong: the optimizer is made before the last layer is replaced, so the new layer is never updated
# accept: not_training
# after: https://github.com/zjunlp/HVPNeT/issues/5
# metric: higher
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits

torch.set_num_threads(1)


class SmallCNN(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 16, 96), nn.ReLU(),
        )
        self.fc = nn.Linear(96, n_classes)

    def forward(self, x):
        return self.fc(self.features(x))


def run_epochs(model, optimizer, x, y, epochs, bs, tag, freeze=False):
    criterion = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        model.train()
        if freeze:
            model.features.eval()
        running = 0.0
        perm = torch.randperm(len(x))
        for i in range(0, len(x), bs):
            idx = perm[i:i + bs]
            optimizer.zero_grad()
            loss = criterion(model(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            running += loss.item() * len(idx)
        if (epoch + 1) % 5 == 0:
            print("[%s] epoch %d loss %.4f" % (tag, epoch + 1, running / len(x)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    data = load_digits()
    imgs = torch.tensor(data.images[:, None] / 8.0 - 1.0, dtype=torch.float32)
    target = torch.tensor(data.target)
    order = torch.tensor(np.random.RandomState(args.seed).permutation(len(target)))
    imgs, target = imgs[order], target[order]
    low, high = target < 5, target >= 5

    # stage 1: the source task
    model = SmallCNN(5)
    run_epochs(model, optim.Adam(model.parameters(), lr=1e-3), imgs[low], target[low], 10, 64, "source")

    # stage 2: the target task, on a frozen body
    x, y = imgs[high], target[high] - 5
    x_train, y_train, x_test, y_test = x[:500], y[:500], x[500:], y[500:]
    for p in model.features.parameters():
        p.requires_grad = False
    if args.fixed:
        model.fc = nn.Linear(96, 5)
        optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    else:
        optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
        model.fc = nn.Linear(96, 5)
    run_epochs(model, optimizer, x_train, y_train, 20, 32, "target", freeze=True)

    model.eval()
    with torch.no_grad():
        acc = (model(x_test).argmax(1) == y_test).double().mean().item()
    print("accuracy on digits 5-9: %.4f" % acc)


if __name__ == "__main__":
    main()
