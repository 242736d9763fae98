# truth: faulty
# task: SimSiam representations of digits, judged by a linear probe
# wrong: no stop-gradient on the target branch, so both branches drift to one constant representation
# accept: representations_alike
# after: https://github.com/PatrickHua/SimSiam/issues/39
# metric: higher
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

torch.set_num_threads(1)


def augment(x):
    """Small shifts, dropped pixels and a change of contrast."""
    b = len(x)
    img = F.pad(x.view(b, 1, 8, 8), (1, 1, 1, 1))
    dy, dx = torch.randint(0, 3, (2,)).tolist()
    img = img[:, :, dy:dy + 8, dx:dx + 8].reshape(b, 64)
    keep = (torch.rand(b, 64) > 0.2).float()
    return img * keep * (0.7 + 0.6 * torch.rand(b, 1)) + 0.05 * torch.randn(b, 64)


class SimSiam(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(),
                                      nn.Linear(128, 64), nn.ReLU())
        self.projector = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, dim))
        self.predictor = nn.Sequential(nn.Linear(dim, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, dim))

    def forward(self, x):
        z = self.projector(self.backbone(x))
        return z, self.predictor(z)


def similarity_loss(p, z):
    return -F.cosine_similarity(p, z, dim=1).mean()


def probe(model, xa, ya, xb, yb):
    model.eval()
    with torch.no_grad():
        za, zb = (F.normalize(model(v)[0], dim=1).numpy() for v in (xa, xb))
    clf = LogisticRegression(max_iter=500, C=10.0).fit(za, ya)
    return clf.score(zb, yb)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--epochs", type=int, default=60)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    digits = load_digits()
    order = np.random.default_rng(args.seed).permutation(len(digits.target))
    x = torch.tensor(digits.data[order] / 16, dtype=torch.float32)
    y = digits.target[order]
    model = SimSiam()
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs)
    for epoch in range(args.epochs):
        model.train()
        losses = []
        for idx in torch.randperm(1300).split(128):
            (z1, p1), (z2, p2) = model(augment(x[idx])), model(augment(x[idx]))
            if args.fixed:
                z1, z2 = z1.detach(), z2.detach()
            loss = 0.5 * similarity_loss(p1, z2) + 0.5 * similarity_loss(p2, z1)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        sched.step()
        if epoch % 10 == 0:
            print(f"epoch {epoch} loss {np.mean(losses):.4f}")
    print(f"linear probe accuracy {probe(model, x[:1300], y[:1300], x[1300:], y[1300:]):.4f}")


if __name__ == "__main__":
    main()
