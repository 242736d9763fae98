# truth: faulty
# task: classify plant leaves (six species) from 14 measurements
# wrong: the file is sorted by species and the DataLoader does not shuffle, so every epoch runs species by species
# accept: data_sorted
# after: https://stackoverflow.com/questions/54354465
# metric: higher
import argparse
import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import Dataset, DataLoader


class LeafTable(Dataset):
    """Measurements as they come from the herbarium: one species after the other."""

    def __init__(self, per_species, centers, rng, mean=None, std=None):
        rows, labels = [], []
        for s, (c, curve) in enumerate(centers):
            t = rng.uniform(-1, 1, (per_species, 1))
            pts = c + t * curve[0] + (t ** 2) * curve[1] + rng.normal(0, 0.7, (per_species, c.size))
            rows.append(pts)
            labels.append(np.full(per_species, s))
        self.x = np.concatenate(rows).astype(np.float32)
        self.y = np.concatenate(labels)
        self.mean = self.x.mean(0) if mean is None else mean
        self.std = self.x.std(0) if std is None else std
        self.x = (self.x - self.mean) / self.std

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return self.x[index], self.y[index]


class LeafNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(14, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, 6)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)


def evaluate(net, loader):
    net.eval()
    confusion = np.zeros((6, 6), dtype=int)
    with torch.no_grad():
        for x, y in loader:
            for a, b in zip(y.tolist(), net(x).argmax(1).tolist()):
                confusion[a, b] += 1
    return confusion


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    centers = [(rng.normal(0, 0.6, 14), rng.normal(0, 0.8, (2, 14))) for _ in range(6)]
    train_set = LeafTable(600, centers, rng)
    test_set = LeafTable(100, centers, rng, train_set.mean, train_set.std)
    train_loader = DataLoader(train_set, batch_size=25, shuffle=args.fixed)
    test_loader = DataLoader(test_set, batch_size=200)

    net = LeafNet()
    optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(9):
        net.train()
        running_loss = 0.0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(net(inputs), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        if epoch % 2 == 0:
            c = evaluate(net, test_loader)
            print("[%d] loss: %.3f  test: %.3f" % (epoch + 1, running_loss / len(train_loader),
                                                   np.trace(c) / c.sum()))

    c = evaluate(net, test_loader)
    print(c)
    print("accuracy on the test leaves: %.4f" % (np.trace(c) / c.sum()))


if __name__ == "__main__":
    main()
