# truth: faulty
# task: siamese 1-D CNN with contrastive loss tells apart heartbeat-like series of different people
# wrong: the distance is sqrt of a sum of squares, pairs made of twice the same recording have distance 0 and an infinite slope
# accept: not_finite
# after: https://github.com/adambielski/siamese-triplet/issues/18 and https://github.com/keras-team/keras/issues/9097
# metric: higher
import argparse
import sys

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, Dataset

FIXED = "--fixed" in sys.argv
EPS = 1e-6 if FIXED else 0.0


def person(rng):
    return dict(f=rng.uniform(2, 6), w=rng.uniform(0.04, 0.12), b=rng.uniform(-0.6, 0.6), g=rng.uniform(0.1, 0.3))


def recording(p, rng, n=64):
    t = np.linspace(0, 1, n)
    phase = rng.uniform(0, 1)
    u = (t * p["f"] + phase) % 1.0
    beat = np.exp(-((u - 0.4) / p["w"]) ** 2) + p["b"] * np.exp(-((u - 0.7) / p["g"]) ** 2)
    return (beat + 0.08 * rng.normal(size=n)).astype("float32")


class PairData(Dataset):
    def __init__(self, n_pairs, people, rng):
        store = [[recording(p, rng) for _ in range(12)] for p in people]
        self.rows = []
        for k in range(n_pairs):
            i = rng.integers(len(people))
            if k % 2:
                a, b = rng.integers(12, size=2)
                self.rows.append((store[i][a], store[i][b], 1.0))
            else:
                j = (i + rng.integers(1, len(people))) % len(people)
                self.rows.append((store[i][rng.integers(12)], store[j][rng.integers(12)], 0.0))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, k):
        a, b, y = self.rows[k]
        return torch.from_numpy(a)[None], torch.from_numpy(b)[None], torch.tensor(y)


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(1, 16, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(16, 32, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool1d(4),
        )
        self.fc = nn.Linear(128, 16)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=1.5):
        super().__init__()
        self.margin = margin

    def forward(self, a, b, same):
        d = torch.sqrt((a - b).pow(2).sum(1) + EPS)
        return (same * d.pow(2) + (1 - same) * torch.clamp(self.margin - d, min=0).pow(2)).mean()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    people = [person(rng) for _ in range(60)]
    train = DataLoader(PairData(3000, people[:45], rng), batch_size=50, shuffle=True)
    test = PairData(800, people[45:], rng)
    net, crit = Branch(), ContrastiveLoss()
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(10):
        tot = 0.0
        for a, b, y in train:
            loss = crit(net(a), net(b), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item()
        print(f"epoch {epoch} contrastive loss {tot / len(train):.4f}")
    A, B, Y = (torch.stack(z) for z in zip(*[test[k] for k in range(len(test))]))
    with torch.no_grad():
        dist = (net(A) - net(B)).norm(dim=1)
    score = torch.nan_to_num(-dist).numpy()
    print(f"verification AUC on unseen people: {roc_auc_score(Y.numpy(), score):.4f}")
