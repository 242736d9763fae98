# truth: faulty
# task: segment bright blobs in noisy 24x24 images
# wrong: the random flips and turns of image and mask are drawn separately, so the masks do not fit the images
# accept: labels_wrong, label_noise
# after: https://github.com/kornia/kornia/issues/2335
# metric: higher
import random
import sys

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
SIZE = 24


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class RandomFlipRotate:
    def __call__(self, *arrays):
        k = random.randint(0, 3)
        flip = random.random() < 0.5
        out = []
        for a in arrays:
            a = np.rot90(a, k)
            out.append((a[:, ::-1] if flip else a).copy())
        return out if len(out) > 1 else out[0]


class Blobs(Dataset):
    def __init__(self, n, transform=None):
        self.transform = transform
        self.items = []
        yy, xx = np.mgrid[:SIZE, :SIZE]
        for _ in range(n):
            mask = np.zeros((SIZE, SIZE), dtype=np.float32)
            for _ in range(np.random.randint(1, 4)):
                cy, cx = np.random.uniform(3, SIZE - 3, size=2)
                ry, rx = np.random.uniform(2, 5, size=2)
                mask[((yy - cy) / ry) ** 2 + ((xx - cx) / rx) ** 2 < 1] = 1
            image = 0.8 * mask + 0.35 * np.random.randn(SIZE, SIZE).astype(np.float32)
            self.items.append((image.astype(np.float32), mask))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        image, mask = self.items[i]
        if self.transform is not None:
            if FIXED:
                image, mask = self.transform(image, mask)
            else:
                image = self.transform(image)
                mask = self.transform(mask)
        return torch.from_numpy(image)[None], torch.from_numpy(mask)[None]


def conv_block(a, b):
    return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())


class SmallUNet(nn.Module):
    def __init__(self, w=8):
        super().__init__()
        self.enc1 = conv_block(1, w)
        self.enc2 = conv_block(w, 2 * w)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ConvTranspose2d(2 * w, w, 2, stride=2)
        self.dec = conv_block(2 * w, w)
        self.out = nn.Conv2d(w, 1, 1)

    def forward(self, x):
        a = self.enc1(x)
        b = self.up(self.enc2(self.pool(a)))
        return self.out(self.dec(torch.cat([a, b], dim=1)))


@torch.no_grad()
def dice_score(model, loader):
    model.eval()
    inter = total = 0.0
    for x, m in loader:
        p = (torch.sigmoid(model(x)) > 0.5).float()
        inter += 2 * (p * m).sum().item()
        total += (p.sum() + m.sum()).item()
    return inter / max(total, 1.0)


seed_everything(SEED)
torch.set_num_threads(1)
train_loader = DataLoader(Blobs(400, RandomFlipRotate()), batch_size=16, shuffle=True)
val_loader = DataLoader(Blobs(150), batch_size=50)
model = SmallUNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
bce = nn.BCEWithLogitsLoss()
for epoch in range(9):
    model.train()
    history = []
    for x, m in train_loader:
        loss = bce(model(x), m)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    print("epoch %d: train %.4f, val dice %.4f" % (epoch, np.mean(history), dice_score(model, val_loader)))
print("final val dice", dice_score(model, val_loader))
