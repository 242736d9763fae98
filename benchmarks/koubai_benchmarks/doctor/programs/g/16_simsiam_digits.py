# truth: faulty
# task: SimSiam on the digits, then a linear probe on the frozen features
# wrong: the targets are not detached (no stop-gradient), all representations collapse to one
# accept: representations_alike
# after: https://github.com/lightly-ai/lightly/issues/559
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def augment(x):
    img = x.view(-1, 1, 8, 8)
    theta = torch.zeros(len(img), 2, 3)
    angle = (torch.rand(len(img)) - 0.5) * 0.5
    scale = 1 + (torch.rand(len(img)) - 0.5) * 0.3
    theta[:, 0, 0], theta[:, 0, 1] = angle.cos() * scale, -angle.sin()
    theta[:, 1, 0], theta[:, 1, 1] = angle.sin(), angle.cos() * scale
    theta[:, :, 2] = (torch.rand(len(img), 2) - 0.5) * 0.4
    grid = F.affine_grid(theta, img.shape, align_corners=False)
    out = F.grid_sample(img, grid, align_corners=False).view(-1, 64)
    return out + 0.1 * torch.randn_like(out)


class SimSiam(nn.Module):
    def __init__(self, dim=64, hidden=128):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, dim))
        self.projector = nn.Sequential(nn.BatchNorm1d(dim), nn.ReLU(), nn.Linear(dim, dim))
        self.predictor = nn.Sequential(nn.Linear(dim, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, dim))

    def forward(self, x1, x2):
        z1, z2 = self.projector(self.backbone(x1)), self.projector(self.backbone(x2))
        return z1, z2, self.predictor(z1), self.predictor(z2)


def distance(p, z, stop):
    if stop:
        z = z.detach()
    return -F.cosine_similarity(p, z, dim=1).mean()


class Probe:
    def __init__(self, features, labels, epochs=60):
        self.fc = nn.Linear(features.shape[1], 10)
        opt = torch.optim.SGD(self.fc.parameters(), lr=0.5, momentum=0.9)
        for _ in range(epochs):
            opt.zero_grad()
            F.cross_entropy(self.fc(features), labels).backward()
            opt.step()

    def accuracy(self, features, labels):
        return (self.fc(features).argmax(1) == labels).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=60)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    xa, xb, ya, yb = train_test_split(X, y, test_size=0.3, random_state=args.seed, stratify=y)
    xa, xb, ya, yb = map(torch.from_numpy, (xa, xb, ya, yb))

    net = SimSiam()
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    for epoch in range(args.epochs):
        total = 0.0
        for idx in torch.randperm(len(xa)).split(128):
            z1, z2, p1, p2 = net(augment(xa[idx]), augment(xa[idx]))
            loss = 0.5 * (distance(p1, z2, args.fixed) + distance(p2, z1, args.fixed))
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        if epoch % 5 == 4:
            print("epoch", epoch + 1, "loss %.4f" % (total / len(xa)))

    net.eval()
    with torch.no_grad():
        fa, fb = F.normalize(net.projector(net.backbone(xa))), F.normalize(net.projector(net.backbone(xb)))
    probe = Probe(fa, ya)
    print("linear probe accuracy %.4f" % probe.accuracy(fb, yb))


if __name__ == "__main__":
    main()
