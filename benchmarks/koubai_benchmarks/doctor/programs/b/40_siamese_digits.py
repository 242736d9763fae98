# truth: faulty
# task: Siamese network on digit pairs with contrastive loss; verification AUC on unseen digits
# wrong: the data set marks pairs of the same digit with 1, the loss takes 1 as different: same pairs are pushed apart and different pairs pulled together
# accept: labels_wrong, representations_alike, wrong_gradient
# after: http://www.eggie5.com/132-contrastive-loss and https://www.codegenes.net/blog/contrastive-loss-pytorch (0 identical / 1 not identical against the opposite convention)
# metric: higher
import argparse
import random
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, Dataset

FIXED = "--fixed" in sys.argv


class PairDataset(Dataset):
    def __init__(self, images, digits, length):
        self.images, self.digits, self.length = images, digits, length
        self.by_digit = {d: np.where(digits == d)[0] for d in np.unique(digits)}

    def __len__(self):
        return self.length

    def __getitem__(self, _):
        i = random.randrange(len(self.images))
        same = random.random() < 0.5
        d = self.digits[i]
        if not same:
            d = random.choice([k for k in self.by_digit if k != d])
        j = random.choice(self.by_digit[d])
        return self.images[i], self.images[j], torch.tensor(float(same))


class EmbeddingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.PReLU(), nn.MaxPool2d(2),
                                      nn.Conv2d(16, 32, 3, padding=1), nn.PReLU(), nn.MaxPool2d(2))
        self.fc = nn.Sequential(nn.Linear(32 * 4, 64), nn.PReLU(), nn.Linear(64, 8))

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))


class ContrastiveLoss(nn.Module):
    """y = 0: the two images belong together, y = 1: they do not"""

    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, a, b, y):
        d = F.pairwise_distance(a, b)
        return torch.mean((1 - y) * d.pow(2) + y * (self.margin - d).clamp(min=0).pow(2))


def verification_auc(net, loader):
    net.eval()
    dist, same = [], []
    with torch.no_grad():
        for a, b, y in loader:
            dist.append(F.pairwise_distance(net(a), net(b)))
            same.append(y)
    return roc_auc_score(torch.cat(same).numpy(), -torch.cat(dist).numpy())


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    opt = ap.parse_args()
    random.seed(opt.seed)
    torch.manual_seed(opt.seed)
    torch.set_num_threads(1)
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x / 16.0, dtype=torch.float32).view(-1, 1, 8, 8)
    perm = np.random.RandomState(opt.seed).permutation(len(x))
    x, y = x[perm], y[perm]
    train_loader = DataLoader(PairDataset(x[:1300], y[:1300], 3200), batch_size=64)
    test_loader = DataLoader(PairDataset(x[1300:], y[1300:], 2000), batch_size=200)
    net, criterion = EmbeddingNet(), ContrastiveLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(8):
        net.train()
        losses = []
        for a, b, same in train_loader:
            target = 1 - same if FIXED else same
            loss = criterion(net(a), net(b), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: contrastive loss {np.mean(losses):.4f}")
    print(f"verification AUC: {verification_auc(net, test_loader):.4f}")


if __name__ == "__main__":
    main()
