# truth: faulty
# task: classify synthetic 16x16 textures with a plain deep CNN with batch normalization
# wrong: the sanity check of the validation loop puts the model into eval mode, nothing puts it back: it is trained so
# accept: trained_in_test_mode
# after: https://github.com/ermongroup/ncsn/issues/2
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import TensorDataset, DataLoader


def textures(n, rng):
    yy, xx = np.mgrid[0:16, 0:16] / 16.0
    X = np.empty((n, 1, 16, 16), np.float32)
    y = rng.integers(0, 5, n)
    for i, c in enumerate(y):
        angle = c * np.pi / 5 + rng.normal(0, 0.10)
        wave = rng.uniform(2.5, 4.0)
        phase = rng.uniform(0, 6.28)
        g = np.sin(2 * np.pi * wave * (np.cos(angle) * xx + np.sin(angle) * yy) + phase)
        X[i, 0] = 0.5 + 0.15 * g + rng.normal(0, 0.12, (16, 16))
    return torch.from_numpy(X), torch.from_numpy(y)


def conv_bn(cin, cout, pool=False):
    mods = [nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)]
    if pool:
        mods.append(nn.MaxPool2d(2))
    return nn.Sequential(*mods)


class PlainNet(nn.Module):
    def __init__(self, n_classes=5):
        super().__init__()
        self.layers = nn.Sequential(
            conv_bn(1, 12), conv_bn(12, 12), conv_bn(12, 12, pool=True),
            conv_bn(12, 16), conv_bn(16, 16, pool=True),
            conv_bn(16, 24), conv_bn(24, 24, pool=True))
        self.head = nn.Linear(24 * 4, n_classes)

    def forward(self, x):
        return self.head(self.layers(x).flatten(1))


class Trainer:
    def __init__(self, model, optimizer, fixed):
        self.model, self.optimizer, self.fixed = model, optimizer, fixed
        self.loss_fn = nn.CrossEntropyLoss()
        self.history = []

    def validate(self, loader, max_batches=None):
        self.model.eval()
        hits, seen = 0, 0
        with torch.no_grad():
            for k, (x, y) in enumerate(loader):
                if max_batches is not None and k >= max_batches:
                    break
                hits += (self.model(x).argmax(1) == y).sum().item()
                seen += len(y)
        return hits / seen

    def fit(self, train_loader, val_loader, epochs):
        self.model.train()
        print("sanity check:", self.validate(val_loader, max_batches=2))
        for epoch in range(epochs):
            if self.fixed:
                self.model.train()
            running = 0.0
            for x, y in train_loader:
                self.optimizer.zero_grad()
                loss = self.loss_fn(self.model(x), y)
                loss.backward()
                self.optimizer.step()
                running += loss.item()
            acc = self.validate(val_loader)
            self.history.append((running / len(train_loader), acc))
            print("epoch %d loss %.4f val %.4f" % (epoch, *self.history[-1]))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    train = DataLoader(TensorDataset(*textures(1500, rng)), batch_size=50, shuffle=True)
    val = DataLoader(TensorDataset(*textures(500, rng)), batch_size=250)
    model = PlainNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    trainer = Trainer(model, optimizer, a.fixed)
    trainer.fit(train, val, epochs=6)
    print("validation accuracy", round(trainer.validate(val), 4))


if __name__ == "__main__":
    main()
