# truth: faulty
# task: siamese embedding of digits by contrastive loss, mixed precision with a gradient scaler
# wrong: sqrt at distance zero (pairs of twice the same image) gives NaN gradients; the scaler silently skips nearly all updates
# accept: steps_skipped, not_finite
# after: https://github.com/adambielski/siamese-triplet/issues/18
# metric: higher
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

torch.set_num_threads(1)


class PairSampler:
    def __init__(self, x, y, rng):
        self.x, self.rng = x, rng
        self.by_class = [np.flatnonzero(y == c) for c in range(10)]

    def draw(self, n):
        left, right, same = [], [], []
        for k in range(n):
            c = self.rng.integers(10)
            d = c if k % 2 == 0 else (c + self.rng.integers(1, 10)) % 10
            left.append(self.rng.choice(self.by_class[c]))
            right.append(self.rng.choice(self.by_class[d]))
            same.append(float(c == d))
        return self.x[left], self.x[right], torch.tensor(same)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                                  nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Sequential(nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 8))

    def forward(self, x):
        return self.fc(self.conv(x))


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=1.5, eps=0.0):
        super().__init__()
        self.margin, self.eps = margin, eps

    def forward(self, a, b, same):
        dist = ((a - b).float().pow(2).sum(1) + self.eps).sqrt()
        pull = same * dist.pow(2)
        push = (1 - same) * torch.relu(self.margin - dist).pow(2)
        return (pull + push).mean() / 2


def verification_auc(encoder, sampler):
    encoder.eval()
    with torch.no_grad():
        a, b, same = sampler.draw(3000)
        dist = (encoder(a) - encoder(b)).norm(dim=1)
    return roc_auc_score(same.numpy(), -dist.numpy())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--iterations", type=int, default=155)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    digits = load_digits()
    order = rng.permutation(len(digits.target))
    images = torch.tensor(digits.images[order], dtype=torch.float32).unsqueeze(1) / 8 - 1
    labels = digits.target[order]
    train = PairSampler(images[:200], labels[:200], rng)
    test = PairSampler(images[600:], labels[600:], rng)

    device = "cpu"
    encoder = Encoder().to(device)
    criterion = ContrastiveLoss(eps=1e-8 if args.fixed else 0.0)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=2e-3)
    scaler = torch.amp.GradScaler(device)
    running = 0.0
    for it in range(1, args.iterations + 1):
        a, b, same = train.draw(64)
        optimizer.zero_grad()
        with torch.autocast(device, dtype=torch.bfloat16):
            loss = criterion(encoder(a), encoder(b), same)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        running += loss.item()
        if it % 25 == 0:
            print(f"iteration {it} loss {running / 25:.4f}")
            running = 0.0
    print(f"verification AUC on unseen digits {verification_auc(encoder, test):.4f}")
