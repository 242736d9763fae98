# truth: faulty
# task: find the one object in a 32x32 image: a CNN with a box regression head, scored by IoU
# wrong: the net learns boxes as centre, width, height; the scoring reads them as left, top, width, height
# accept: none
# after: https://github.com/grantmerz/deepdisc/pull/71
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SIZE = 32


def make_scene(rng):
    img = rng.normal(0.2, 0.08, (SIZE, SIZE))
    w, h = rng.integers(6, 15, 2)
    x, y = rng.integers(0, SIZE - w + 1), rng.integers(0, SIZE - h + 1)
    patch = np.full((h, w), rng.uniform(0.6, 1.0))
    if rng.random() < 0.5:
        yy, xx = np.mgrid[0:h, 0:w]
        patch = np.where((2 * xx / (w - 1) - 1) ** 2 + (2 * yy / (h - 1) - 1) ** 2 <= 1.1, patch, img[y:y + h, x:x + w])
    img[y:y + h, x:x + w] = patch
    for _ in range(6):
        a, b = rng.integers(0, SIZE, 2)
        img[b, a] = rng.uniform(0.5, 1)
    return img, (x, y, x + w, y + h)


def dataset(n, rng):
    imgs, boxes = zip(*(make_scene(rng) for _ in range(n)))
    return (torch.tensor(np.stack(imgs), dtype=torch.float32).unsqueeze(1),
            torch.tensor(np.array(boxes), dtype=torch.float32) / SIZE)


def corners_to_center(b):
    x1, y1, x2, y2 = b.unbind(-1)
    return torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], -1)


def center_to_corners(b):
    cx, cy, w, h = b.unbind(-1)
    return torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], -1)


def topleft_to_corners(b):
    x, y, w, h = b.unbind(-1)
    return torch.stack([x, y, x + w, y + h], -1)


def iou(a, b):
    lt = torch.maximum(a[:, :2], b[:, :2])
    rb = torch.minimum(a[:, 2:], b[:, 2:])
    inter = (rb - lt).clamp_min(0).prod(-1)
    area = lambda q: (q[:, 2:] - q[:, :2]).clamp_min(0).prod(-1)
    return inter / (area(a) + area(b) - inter + 1e-9)


class BoxNet(nn.Module):
    def __init__(self, c=12):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, c, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(c, 2 * c, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(2 * c, 2 * c, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(2 * c * 16, 96), nn.ReLU(), nn.Linear(96, 4), nn.Sigmoid())

    def forward(self, x):
        return self.head(self.conv(x))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    p.add_argument("--epochs", type=int, default=10)
    args = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    images, boxes = dataset(1200, rng)
    test_images, test_boxes = dataset(300, rng)
    targets = corners_to_center(boxes)
    decode = center_to_corners if args.fixed else topleft_to_corners

    model = BoxNet()
    opt = torch.optim.Adam(model.parameters(), lr=1.5e-3)

    def mean_iou():
        model.eval()
        with torch.no_grad():
            v = iou(decode(model(test_images)), test_boxes)
        return v.mean().item(), (v > 0.5).float().mean().item()

    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(images)).split(32):
            loss = F.smooth_l1_loss(model(images[rows]), targets[rows], beta=0.05)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(rows)
        m, r = mean_iou()
        print(f"epoch {epoch} loss {total / len(images):.5f} mIoU {m:.3f} recall@0.5 {r:.3f}")
    print("mean IoU on the test scenes: %.4f" % mean_iou()[0])


if __name__ == "__main__":
    main()
