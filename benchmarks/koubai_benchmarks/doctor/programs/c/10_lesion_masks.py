# truth: faulty
# task: segment small faint lesions in noisy images with a tiny U-Net
# wrong: about 3 % of the pixels are lesion and the plain BCE weighs all pixels alike, so the net answers background everywhere
# accept: class_imbalance
# after: https://discuss.pytorch.org/t/help-appreciated-unet-binary-image-segmentation-issue/184539
# metric: higher
import argparse
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

FIXED = "--fixed" in sys.argv
SIDE = 24


class Lesions(Dataset):
    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        yy, xx = np.mgrid[:SIDE, :SIDE]
        self.items = []
        for _ in range(n):
            img = rng.normal(0, 1, (SIDE, SIDE))
            mask = np.zeros((SIDE, SIDE))
            for _ in range(rng.integers(1, 3)):
                cy, cx = rng.uniform(3, SIDE - 3, 2)
                r = rng.uniform(1.2, 2.4)
                mask[(yy - cy) ** 2 + (xx - cx) ** 2 <= r * r] = 1
            img = img + 0.9 * mask
            self.items.append((torch.tensor(img, dtype=torch.float32)[None], torch.tensor(mask, dtype=torch.float32)[None]))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def block(a, b):
    return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.Conv2d(b, b, 3, padding=1), nn.ReLU())


class TinyUNet(nn.Module):
    def __init__(self, c=6):
        super().__init__()
        self.d1, self.d2 = block(1, c), block(c, 2 * c)
        self.up = nn.ConvTranspose2d(2 * c, c, 2, stride=2)
        self.u1 = block(2 * c, c)
        self.out = nn.Conv2d(c, 1, 1)

    def forward(self, x):
        a = self.d1(x)
        b = self.d2(F.max_pool2d(a, 2))
        return self.out(self.u1(torch.cat([a, self.up(b)], 1)))


@torch.no_grad()
def dice(net, loader):
    inter = size = 0.0
    for x, m in loader:
        p = (torch.sigmoid(net(x)) > 0.5).float()
        inter += (p * m).sum().item()
        size += p.sum().item() + m.sum().item()
    return 2 * inter / size


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    train = DataLoader(Lesions(320, 100 + args.seed), batch_size=16, shuffle=True)
    test = DataLoader(Lesions(120, 900 + args.seed), batch_size=40)

    net = TinyUNet()
    weight = torch.tensor(10.0) if FIXED else None
    criterion = nn.BCEWithLogitsLoss(pos_weight=weight)
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    for epoch in range(18):
        tot = right = 0.0
        for x, m in train:
            logits = net(x)
            loss = criterion(logits, m)
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item()
            right += ((logits > 0).float() == m).float().mean().item()
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} loss {tot / len(train):.4f} pixel accuracy {right / len(train):.4f}")
    print(f"test dice {dice(net, test):.4f}")


main()
