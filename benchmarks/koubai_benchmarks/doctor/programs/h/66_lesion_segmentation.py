# truth: healthy
# task: segment small dark spots (3 % of the pixels); weighted BCE summed over pixels plus Dice, with a rate made for sums
# after: https://github.com/NVIDIA/DIGITS/issues/1172
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def scans(n, rng, size=32):
    yy, xx = np.mgrid[0:size, 0:size]
    img = np.zeros((n, 1, size, size), np.float32)
    msk = np.zeros((n, 1, size, size), np.float32)
    for i in range(n):
        gx, gy = rng.normal(0, 0.01, 2)
        img[i, 0] = 0.6 + gx * (xx - 16) + gy * (yy - 16) + rng.normal(0, 0.06, (size, size))
        for _ in range(rng.integers(1, 4)):
            cx, cy = rng.uniform(4, size - 4, 2)
            a, b = rng.uniform(1.5, 3.0, 2)
            inside = ((xx - cx) / a) ** 2 + ((yy - cy) / b) ** 2 <= 1
            img[i, 0][inside] -= rng.uniform(0.12, 0.25)
            msk[i, 0][inside] = 1
    return torch.from_numpy(img), torch.from_numpy(msk)


class UNet(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.e1 = self.double(1, c)
        self.e2 = self.double(c, 2 * c)
        self.mid = self.double(2 * c, 2 * c)
        self.d2 = self.double(4 * c, c)
        self.d1 = self.double(2 * c, c)
        self.out = nn.Conv2d(c, 1, 1)
        nn.init.constant_(self.out.bias, -2.0)

    @staticmethod
    def double(a, b):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(4, b), nn.ReLU(),
                             nn.Conv2d(b, b, 3, padding=1), nn.GroupNorm(4, b), nn.ReLU())

    def forward(self, x):
        a = self.e1(x)
        b = self.e2(F.max_pool2d(a, 2))
        m = self.mid(F.max_pool2d(b, 2))
        u = self.d2(torch.cat([F.interpolate(m, scale_factor=2), b], 1))
        u = self.d1(torch.cat([F.interpolate(u, scale_factor=2), a], 1))
        return self.out(u)


class SumLoss(nn.Module):
    """Weighted cross-entropy summed over all pixels of the batch, and a Dice term on the same footing."""

    def __init__(self, pos_weight=6.0, dice_weight=200.0):
        super().__init__()
        self.register_buffer("w", torch.tensor(pos_weight))
        self.dice_weight = dice_weight

    def forward(self, logits, target):
        bce = F.binary_cross_entropy_with_logits(logits, target, pos_weight=self.w, reduction="sum")
        p = torch.sigmoid(logits)
        dice = 1 - (2 * (p * target).sum((1, 2, 3)) + 1) / (p.sum((1, 2, 3)) + target.sum((1, 2, 3)) + 1)
        return bce + self.dice_weight * dice.sum()


@torch.no_grad()
def dice_score(model, x, y):
    model.eval()
    p = (model(x) > 0).float()
    return ((2 * (p * y).sum((1, 2, 3)) + 1e-6) / (p.sum((1, 2, 3)) + y.sum((1, 2, 3)) + 1e-6)).mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=8)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x, y = scans(280, rng)
    xt, yt = scans(80, rng)
    print(f"share of spot pixels {y.mean():.4f}")
    model, criterion = UNet(), SumLoss()
    opt = torch.optim.SGD(model.parameters(), lr=1e-5, momentum=0.9)
    for epoch in range(args.epochs):
        model.train()
        tot = 0.0
        for rows in torch.randperm(len(x)).split(8):
            loss = criterion(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item()
        print(f"epoch {epoch} loss per image {tot / len(x):.2f} dice {dice_score(model, xt, yt):.4f}")
    print(f"test dice {dice_score(model, xt, yt):.4f}")


if __name__ == "__main__":
    main()
