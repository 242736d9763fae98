# truth: healthy
# task: SimSiam representations of digits without labels; loss is a negative cosine, targets are detached on purpose
# after: https://github.com/facebookresearch/simsiam/issues/21 (negative loss, is it normal?)
# metric: higher
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression


def augment(x):
    img = x.view(-1, 1, 8, 8)
    n = len(img)
    angle = (torch.rand(n) - 0.5) * 0.5
    scale = 1 + (torch.rand(n) - 0.5) * 0.3
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = scale * angle.cos()
    theta[:, 0, 1] = -angle.sin()
    theta[:, 1, 0] = angle.sin()
    theta[:, 1, 1] = scale * angle.cos()
    theta[:, :, 2] = (torch.rand(n, 2) - 0.5) * 0.35
    out = F.grid_sample(img, F.affine_grid(theta, img.shape, align_corners=False), align_corners=False)
    return out + 0.05 * torch.randn_like(out)


class SimSiam(nn.Module):
    def __init__(self, dim=64, pred=16):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 16, 64),
        )
        self.projector = nn.Sequential(nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, dim), nn.BatchNorm1d(dim, affine=False))
        self.predictor = nn.Sequential(nn.Linear(dim, pred), nn.BatchNorm1d(pred), nn.ReLU(), nn.Linear(pred, dim))

    def forward(self, a, b):
        za, zb = self.projector(self.backbone(a)), self.projector(self.backbone(b))
        return self.predictor(za), self.predictor(zb), za.detach(), zb.detach()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)
    d = load_digits()
    p = np.random.permutation(len(d.target))
    X, y = torch.tensor(d.data[p] / 16.0, dtype=torch.float32), d.target[p]
    train = X[:1300]
    model = SimSiam()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    epochs = 30
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for e in range(epochs):
        model.train()
        tot = k = 0
        for idx in torch.randperm(1300)[:1280].split(128):
            p1, p2, z1, z2 = model(augment(train[idx]), augment(train[idx]))
            loss = -0.5 * (F.cosine_similarity(p1, z2).mean() + F.cosine_similarity(p2, z1).mean())
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item()
            k += 1
        sched.step()
        if e % 5 == 4:
            print(f"epoch {e + 1} loss {tot / k:.4f}")
    model.eval()
    with torch.no_grad():
        H = model.backbone(X.view(-1, 1, 8, 8)).numpy()
    probe = LogisticRegression(max_iter=500).fit(H[:200], y[:200])
    print("linear probe with 200 labels, test accuracy %.4f" % probe.score(H[1300:], y[1300:]))


main()
