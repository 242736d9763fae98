# truth: faulty
# task: multi-label tagging (12 tags) of feature vectors with BCE
# wrong: StepLR(step_size=5) is meant to count epochs but scheduler.step() is called after every batch, so the rate is gone within the first epoch
# accept: schedule_too_fast, learning_rate_too_low, too_few_steps
# after: https://github.com/Lornatang/SRGAN-PyTorch/issues/1
# metric: higher
import argparse
import sys

import numpy as np
import torch
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import average_precision_score
from torch import nn, optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

FIXED = "--fixed" in sys.argv


class Tagger(nn.Module):
    def __init__(self, n_in, n_tags, width=128):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(n_in, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.1),
        )
        self.tags = nn.Linear(width, n_tags)

    def forward(self, x):
        return self.tags(self.net(x))


class Trainer:
    def __init__(self, model, train_loader, val_loader, lr=0.05):
        self.model = model
        self.train_loader, self.val_loader = train_loader, val_loader
        self.criterion = nn.BCEWithLogitsLoss()
        self.optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.scheduler = StepLR(self.optimizer, step_size=5, gamma=0.3)

    def train_epoch(self):
        self.model.train()
        total = 0.0
        for x, y in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            if not FIXED:
                self.scheduler.step()
            total += loss.item()
        if FIXED:
            self.scheduler.step()
        return total / len(self.train_loader)

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        scores = torch.cat([torch.sigmoid(self.model(x)) for x, _ in self.val_loader])
        truth = torch.cat([y for _, y in self.val_loader])
        return average_precision_score(truth.numpy(), scores.numpy(), average="micro")

    def fit(self, epochs):
        for e in range(epochs):
            tr = self.train_epoch()
            if e % 3 == 0 or e == epochs - 1:
                print(f"epoch {e}: train {tr:.4f}  val AP {self.evaluate():.4f}")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x, y = make_multilabel_classification(2600, n_features=60, n_classes=12, n_labels=3, length=70,
                                          random_state=args.seed)
    x = (x - x[:2000].mean(0)) / x[:2000].std(0)
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    train = DataLoader(TensorDataset(x[:2000], y[:2000]), batch_size=40, shuffle=True)
    val = DataLoader(TensorDataset(x[2000:], y[2000:]), batch_size=200)
    trainer = Trainer(Tagger(60, 12), train, val)
    trainer.fit(16)
    print("final val AP", round(float(trainer.evaluate()), 4))


if __name__ == "__main__":
    main()
