# truth: healthy
# task: fraud detection, two per cent positives, batches balanced by a weighted sampler
# after: https://androidkt.com/deal-with-an-imbalanced-dataset-using-weightedrandomsampler-in-pytorch/
# metric: higher
import argparse
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score


def transactions(n, rng):
    y = (rng.random(n) < 0.02).astype(np.int64)
    amount = rng.lognormal(3.2 + 0.8 * y, 1.0)
    hour = np.where(y == 1, rng.normal(3, 3, n), rng.normal(14, 5, n)) % 24
    gap = rng.exponential(np.where(y == 1, 0.4, 3.0))
    foreign = rng.random(n) < np.where(y == 1, 0.5, 0.08)
    velocity = rng.poisson(np.where(y == 1, 4, 1))
    noise = rng.normal(size=(n, 6))
    X = np.column_stack([np.log1p(amount), np.sin(hour / 24 * 2 * np.pi), np.cos(hour / 24 * 2 * np.pi),
                         np.log1p(gap), foreign, velocity, noise]).astype(np.float32)
    return X, y


class Net(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(d, 48), nn.LeakyReLU(0.1), nn.Dropout(0.3),
                                    nn.Linear(48, 24), nn.LeakyReLU(0.1), nn.Linear(24, 1))

    def forward(self, x):
        return self.layers(x)[:, 0]


def main(seed):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    Xtr, ytr = transactions(12000, rng)
    Xte, yte = transactions(8000, rng)
    mean, std = Xtr.mean(0), Xtr.std(0)
    Xtr, Xte = (Xtr - mean) / std, (Xte - mean) / std
    print("positives in training:", int(ytr.sum()), "of", len(ytr))

    counts = np.bincount(ytr)
    weights = (1.0 / counts)[ytr]
    sampler = WeightedRandomSampler(torch.from_numpy(weights), num_samples=6400, replacement=True)
    loader = DataLoader(TensorDataset(torch.from_numpy(Xtr), torch.from_numpy(ytr).float()),
                        batch_size=64, sampler=sampler)

    model = Net(Xtr.shape[1])
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    bce = nn.BCEWithLogitsLoss()
    for epoch in range(10):
        model.train()
        total = 0.0
        for xb, yb in loader:
            loss = bce(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            score = torch.sigmoid(model(torch.from_numpy(Xte))).numpy()
        print(f"epoch {epoch} loss {total / len(loader):.4f} auc {roc_auc_score(yte, score):.4f} "
              f"ap {average_precision_score(yte, score):.4f} flagged {(score > 0.5).mean():.3f}")
    print("balanced accuracy on test: %.4f" % balanced_accuracy_score(yte, score > 0.5))


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    main(ap.parse_args().seed)
