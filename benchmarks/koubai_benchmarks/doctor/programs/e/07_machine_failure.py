# truth: faulty
# task: predict rare machine failures (2.5 percent) from a table of readings
# wrong: the rare class is drowned by the common one; nothing weights or resamples it, the net says 'no failure' to nearly all
# accept: class_imbalance
# after: https://github.com/abhuse/polyloss-pytorch/issues/5
# metric: higher
import argparse
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class Config:
    seed: int = 0
    fixed: bool = False
    lr: float = 1e-3
    epochs: int = 8
    batch_size: int = 128
    hidden: int = 48


class FailureNet(nn.Module):
    def __init__(self, n_in, hidden):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(n_in, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(0.2),
            nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(0.2),
        )
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.head(self.body(x)).squeeze(1)


def load(cfg):
    X, y = make_classification(n_samples=9000, n_features=16, n_informative=6, n_redundant=4,
                               n_clusters_per_class=2, weights=[0.975], class_sep=0.75,
                               flip_y=0.005, random_state=100 + cfg.seed)
    Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=1 / 3, stratify=y, random_state=cfg.seed)
    sc = StandardScaler().fit(Xtr)
    to = lambda a: torch.tensor(a, dtype=torch.float32)
    return to(sc.transform(Xtr)), to(ytr), to(sc.transform(Xte)), yte


def main(cfg):
    torch.manual_seed(cfg.seed)
    Xtr, ytr, Xte, yte = load(cfg)
    loader = DataLoader(TensorDataset(Xtr, ytr), batch_size=cfg.batch_size, shuffle=True)
    net = FailureNet(Xtr.shape[1], cfg.hidden)
    weight = (len(ytr) - ytr.sum()) / ytr.sum() if cfg.fixed else torch.tensor(1.0)
    criterion = nn.BCEWithLogitsLoss(pos_weight=weight)
    optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr)

    for epoch in range(cfg.epochs):
        net.train()
        hits = seen = 0
        for xb, yb in loader:
            logit = net(xb)
            loss = criterion(logit, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            hits += ((logit > 0).float() == yb).sum().item()
            seen += len(yb)
        print(f"epoch {epoch + 1:02d} loss {loss.item():.4f} train acc {hits / seen:.4f}")

    net.eval()
    with torch.no_grad():
        guess = (torch.sigmoid(net(Xte)) > 0.5).long().numpy()
    print(confusion_matrix(yte, guess))
    print(f"test balanced accuracy {balanced_accuracy_score(yte, guess):.4f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ns = ap.parse_args()
    main(Config(seed=ns.seed, fixed=ns.fixed))
