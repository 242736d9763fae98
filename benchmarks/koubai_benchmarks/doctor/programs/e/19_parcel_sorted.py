# truth: faulty
# task: sort parcels into six routes from a table of measurements
# wrong: the rows lie in the order of their classes and the loader does not shuffle, the net always has just seen the last class only
# accept: data_sorted
# after: https://github.com/Deci-AI/super-gradients/issues/416
# metric: higher
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
N_CLASSES, N_FEATURES = 6, 12


class Parcels(Dataset):
    """as exported from the database: ORDER BY route"""

    def __init__(self, per_class, centers, rng):
        rows, routes = [], []
        for c in range(N_CLASSES):
            which = rng.randint(0, centers.shape[1], per_class)
            rows.append(centers[c, which] + rng.normal(0, 1.0, (per_class, N_FEATURES)))
            routes += [c] * per_class
        self.x = np.concatenate(rows).astype(np.float32)
        self.y = np.array(routes)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def build():
    return nn.Sequential(
        nn.Linear(N_FEATURES, 64), nn.ReLU(),
        nn.Linear(64, 64), nn.ReLU(),
        nn.Linear(64, N_CLASSES),
    )


def evaluate(model, loader):
    model.eval()
    ok = n = 0
    with torch.no_grad():
        for x, y in loader:
            ok += (model(x).argmax(1) == y).sum().item()
            n += len(y)
    return ok / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.RandomState(args.seed)
    centers = rng.normal(0, 1.3, (N_CLASSES, 3, N_FEATURES))
    train_set = Parcels(400, centers, rng)
    test_set = Parcels(150, centers, rng)
    train_loader = DataLoader(train_set, batch_size=48, shuffle=args.fixed)
    test_loader = DataLoader(test_set, batch_size=300)

    model = build()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True, weight_decay=1e-4)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(8):
        model.train()
        running, seen = 0.0, 0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(y)
            seen += len(y)
        print("epoch %2d | loss %.4f | test acc %.4f" % (epoch + 1, running / seen, evaluate(model, test_loader)))
    print("final test accuracy %.4f" % evaluate(model, test_loader))


if __name__ == "__main__":
    main()
