# truth: faulty
# task: segment bright cells in made-up noisy 32 x 32 images with a small U-Net
# wrong: the masks are read as 0 / 255 and never scaled to 0 / 1 before BCEWithLogitsLoss; the loss falls without end below zero
# accept: loss_without_bound, output_range, output_loss_mismatch, targets_not_scaled
# after: https://github.com/milesial/Pytorch-UNet/issues/78
# metric: higher
import argparse
import logging

import numpy as np
import torch
import torch.nn as nn
from torch import optim
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
logging.basicConfig(level=logging.INFO, format='%(message)s')


class CellDataset(Dataset):
    """grey images with the masks of their cells, both as uint8 arrays"""

    def __init__(self, n, rng, scale_mask):
        self.scale_mask = scale_mask
        yy, xx = np.mgrid[:32, :32]
        self.imgs, self.masks = [], []
        for _ in range(n):
            mask = np.zeros((32, 32), bool)
            for _ in range(rng.integers(1, 4)):
                cy, cx = rng.uniform(4, 28, 2)
                ry, rx = rng.uniform(2.5, 6, 2)
                mask |= ((yy - cy) / ry) ** 2 + ((xx - cx) / rx) ** 2 < 1
            light = rng.uniform(60, 110) + 25 * np.sin(xx / rng.uniform(4, 9) + rng.uniform(0, 6)) + 15 * yy / 32
            img = light + 45 * mask + rng.normal(0, 22, (32, 32))
            self.imgs.append(np.clip(img, 0, 255).astype(np.uint8))
            self.masks.append(mask.astype(np.uint8) * 255)

    def __len__(self):
        return len(self.imgs)

    @staticmethod
    def preprocess(arr, scale):
        arr = arr[None].astype(np.float32)
        return arr / 255 if scale else arr

    def __getitem__(self, i):
        img = self.preprocess(self.imgs[i], True)
        mask = self.preprocess(self.masks[i], self.scale_mask)
        return torch.from_numpy(img), torch.from_numpy(mask)


def double_conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
                         nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class UNet(nn.Module):
    def __init__(self, c=6):
        super().__init__()
        self.inc, self.down1, self.down2 = double_conv(1, c), double_conv(c, 2 * c), double_conv(2 * c, 4 * c)
        self.pool, self.up = nn.MaxPool2d(2), nn.Upsample(scale_factor=2, mode='nearest')
        self.conv1, self.conv2 = double_conv(6 * c, 2 * c), double_conv(3 * c, c)
        self.outc = nn.Conv2d(c, 1, 1)

    def forward(self, x):
        a = self.inc(x)
        b = self.down1(self.pool(a))
        d = self.conv1(torch.cat([self.up(self.down2(self.pool(b))), b], 1))
        return self.outc(self.conv2(torch.cat([self.up(d), a], 1)))


def dice(net, loader):
    net.eval()
    inter = total = 0.0
    with torch.no_grad():
        for imgs, masks in loader:
            pred, true = torch.sigmoid(net(imgs)) > 0.5, masks > 0
            inter += (pred & true).sum().item()
            total += pred.sum().item() + true.sum().item()
    return 2 * inter / max(total, 1)


if __name__ == '__main__':
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--fixed', action='store_true')
    ap.add_argument('--epochs', type=int, default=7)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train = DataLoader(CellDataset(400, rng, args.fixed), batch_size=16, shuffle=True)
    val = DataLoader(CellDataset(120, rng, args.fixed), batch_size=60)
    net = UNet()
    optimizer = optim.RMSprop(net.parameters(), lr=1e-3, momentum=0.9)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(args.epochs):
        net.train()
        epoch_loss = 0.0
        for imgs, true_masks in train:
            loss = criterion(net(imgs), true_masks)
            epoch_loss += loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        logging.info('Epoch %d finished ! Loss: %.4f', epoch + 1, epoch_loss / len(train))
    print('Validation Dice Coeff: %.4f' % dice(net, val))
