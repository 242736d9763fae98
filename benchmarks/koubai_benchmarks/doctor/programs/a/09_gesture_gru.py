# truth: faulty
# task: GRU classifies noisy 2-D gesture traces into six classes
# wrong: StepLR is stepped after every batch although its step size is meant in epochs, the rate is gone within the first epoch
# accept: schedule_too_fast, learning_rate_too_low
# after: https://github.com/Lornatang/SRGAN-PyTorch/issues/1
# metric: higher
import sys
import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset, random_split

FIXED = "--fixed" in sys.argv


def gestures(n, rng):
    s = np.linspace(0, 1, 30)
    X, Y = [], []
    for _ in range(n):
        k = rng.integers(6)
        a = rng.uniform(-0.3, 0.3)
        if k == 0:
            p = np.stack([np.cos(2 * np.pi * s), np.sin(2 * np.pi * s)])
        elif k == 1:
            p = np.stack([np.cos(2 * np.pi * s), -np.sin(2 * np.pi * s)])
        elif k == 2:
            p = np.stack([2 * s - 1, np.sin(2 * np.pi * s)])
        elif k == 3:
            p = np.stack([2 * s - 1, np.sin(4 * np.pi * s)])
        elif k == 4:
            p = np.stack([2 * s - 1, np.abs(2 * s - 1)])
        else:
            p = np.stack([np.sin(2 * np.pi * s), np.sin(4 * np.pi * s)])
        R = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        X.append((R @ p).T * rng.uniform(0.7, 1.3) + rng.normal(0, 0.15, (30, 2)))
        Y.append(k)
    return torch.tensor(np.array(X), dtype=torch.float32), torch.tensor(Y)


class Trainer:
    def __init__(self, model, loaders, epochs, lr):
        self.model, self.loaders, self.epochs = model, loaders, epochs
        self.opt = torch.optim.Adam(model.parameters(), lr=lr)
        self.sched = StepLR(self.opt, step_size=epochs // 3, gamma=0.1)
        self.criterion = nn.CrossEntropyLoss()

    def train_epoch(self):
        self.model.train()
        total = 0
        for x, y in self.loaders["train"]:
            self.opt.zero_grad()
            loss = self.criterion(self.model(x), y)
            loss.backward()
            self.opt.step()
            if not FIXED:
                self.sched.step()
            total += loss.item()
        if FIXED:
            self.sched.step()
        return total / len(self.loaders["train"])

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        hits = [(self.model(x).argmax(1) == y).float() for x, y in self.loaders["test"]]
        return torch.cat(hits).mean().item()

    def fit(self):
        for e in range(self.epochs):
            l = self.train_epoch()
            print(f"Epoch {e + 1:02d} train_loss {l:.4f} test_acc {self.evaluate():.4f}")
        return self.evaluate()


class GestureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 40, batch_first=True)
        self.fc = nn.Linear(40, 6)

    def forward(self, x):
        return self.fc(self.gru(x)[0].mean(1))


def main(seed):
    torch.manual_seed(seed)
    data = TensorDataset(*gestures(1600, np.random.default_rng(seed)))
    tr, te = random_split(data, [1200, 400])
    loaders = {"train": DataLoader(tr, batch_size=32, shuffle=True), "test": DataLoader(te, batch_size=200)}
    acc = Trainer(GestureNet(), loaders, epochs=9, lr=3e-3).fit()
    print(f"Best model test accuracy: {acc:.4f}")


main(int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0)
