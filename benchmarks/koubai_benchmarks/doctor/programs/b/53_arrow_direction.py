# truth: faulty
# task: tell whether an arrow in a noisy picture points left or right
# wrong: the augmentation flips pictures left-right but keeps the label, so half of the labels are false; the loss stays at 0.69
# accept: labels_wrong, label_noise
# after: https://www.mo4tech.com/image-classification-record-a-sinkhole-binary-classification-network-using-crossentropyloss-loss-has-been-at-0-69-do-not-converge-problem.html (loss at 0.69 until the augmentation was taken out)
# metric: higher
import argparse
import sys

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

FIXED = "--fixed" in sys.argv


class Compose:
    def __init__(self, ops):
        self.ops = ops

    def __call__(self, img):
        for op in self.ops:
            img = op(img)
        return img


class RandomShift:
    def __call__(self, img):
        dy, dx = torch.randint(-1, 2, (2,)).tolist()
        return torch.roll(img, (dy, dx), (1, 2))


class RandomHorizontalFlip:
    def __call__(self, img):
        return img.flip(2) if torch.rand(()) < 0.5 else img


class Brightness:
    def __call__(self, img):
        return img * (0.8 + 0.4 * torch.rand(()))


class Arrows(Dataset):
    def __init__(self, n, rng, transform=None):
        self.transform = transform
        self.y = rng.integers(0, 2, n)
        self.x = np.zeros((n, 1, 16, 16), np.float32)
        for i, right in enumerate(self.y):
            r, length = rng.integers(5, 11), rng.integers(7, 10)
            c = rng.integers(1, 16 - length)
            self.x[i, 0, r, c:c + length] = 1
            for k in range(1, 4):
                col = c + length - 1 - k if right else c + k
                self.x[i, 0, r - k, col] = self.x[i, 0, r + k, col] = 1
        self.x += rng.normal(0, 0.25, self.x.shape).astype(np.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        img = torch.from_numpy(self.x[i])
        if self.transform is not None:
            img = self.transform(img)
        return img, int(self.y[i])


def build():
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1),
                         nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    ops = [RandomShift(), RandomHorizontalFlip(), Brightness()]
    if FIXED:
        ops = [RandomShift(), Brightness()]
    train_loader = DataLoader(Arrows(1500, rng, Compose(ops)), batch_size=50, shuffle=True)
    test_loader = DataLoader(Arrows(500, rng), batch_size=250)
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(8):
        model.train()
        losses = []
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            hits = torch.cat([model(a).argmax(1) == b for a, b in test_loader]).float().mean().item()
        print(f"epoch {epoch + 1:2d}: loss {np.mean(losses):.4f}, test acc {hits:.3f}")
    print(f"test accuracy {hits:.4f}")
