# truth: faulty
# task: segment bright blobs in small grey images (encoder-decoder, 2 classes)
# wrong: masks hold class numbers 0/1 but go through the image's to_tensor (divide by 255) and .long() then makes every pixel 0
# accept: labels_wrong, class_imbalance
# after: https://discuss.pytorch.org/t/segmentation-dice-loss-for-background-class-images-no-tp-fp-fn-possible/71359 and https://discuss.pytorch.org/t/incorrect-dtype-conversion-from-pil/132074 (mask values scaled in conversion; net predicts background only)
# metric: higher
import argparse
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

FIXED = "--fixed" in sys.argv


def make_scans(n, rng, size=32):
    yy, xx = np.mgrid[:size, :size]
    images, masks = [], []
    for _ in range(n):
        img = rng.normal(70, 18, (size, size))
        mask = np.zeros((size, size), bool)
        for _ in range(rng.integers(1, 4)):
            cy, cx = rng.uniform(5, size - 5, 2)
            ry, rx = rng.uniform(2.5, 6, 2)
            mask |= ((yy - cy) / ry) ** 2 + ((xx - cx) / rx) ** 2 < 1
        img[mask] += 60
        images.append(np.clip(img, 0, 255).astype(np.uint8))
        masks.append(mask.astype(np.uint8))
    return np.stack(images), np.stack(masks)


def to_tensor(array):
    return torch.from_numpy(array).float().div(255)


class ScanDataset(Dataset):
    def __init__(self, images, masks):
        self.images, self.masks = images, masks

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = to_tensor(self.images[i])[None]
        mask = torch.from_numpy(self.masks[i]) if FIXED else to_tensor(self.masks[i])
        return image, mask.long()


def block(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class SmallUNet(nn.Module):
    def __init__(self, classes=2, width=12):
        super().__init__()
        self.down1 = block(1, width)
        self.down2 = block(width, 2 * width)
        self.mid = block(2 * width, 2 * width)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.fuse = block(2 * width, width)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.mid(self.down2(F.max_pool2d(a, 2)))
        return self.head(self.fuse(torch.cat([a, self.up(b)], 1)))


def iou(model, images, masks):
    model.eval()
    with torch.no_grad():
        pred = model(to_tensor(images)[:, None]).argmax(1).numpy().astype(bool)
    true = masks.astype(bool)
    return (pred & true).sum() / max((pred | true).sum(), 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train_images, train_masks = make_scans(480, rng)
    test_images, test_masks = make_scans(100, rng)
    loader = DataLoader(ScanDataset(train_images, train_masks), batch_size=16, shuffle=True)
    model = SmallUNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for image, mask in loader:
            optimizer.zero_grad()
            loss = criterion(model(image), mask)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch + 1:2d}  loss {total / len(loader):.4f}  IoU {iou(model, test_images, test_masks):.3f}")
    print(f"test IoU: {iou(model, test_images, test_masks):.4f}")


if __name__ == "__main__":
    main()
