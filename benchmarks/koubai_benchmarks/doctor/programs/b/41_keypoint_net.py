# truth: faulty
# task: regress four corner points of a drawn quadrilateral; hidden corners are masked out of the loss
# wrong: distance by torch.sqrt of a sum of squares that is exactly 0 for masked points: infinite slope times 0 gives NaN gradients
# accept: not_finite
# after: http://ddrv.cn/?p=758668 (loss suddenly NaN: the sqrt pitfall in a distance loss) and https://discuss.pytorch.org/t/function-mselossbackward-returned-nan-values-in-its-0th-output/94875
# metric: lower
import sys
import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

FIXED = "--fixed" in sys.argv
SIZE = 24


class Corners(Dataset):
    def __init__(self, n, rng):
        self.items = [self.draw(rng) for _ in range(n)]

    @staticmethod
    def draw(rng):
        base = np.array([[5, 5], [5, 18], [18, 5], [18, 18]], float)
        pts = base + rng.uniform(-4, 4, base.shape)
        visible = rng.random(4) < 0.8
        yy, xx = np.mgrid[:SIZE, :SIZE]
        img = rng.normal(0, 0.05, (SIZE, SIZE))
        for p, v in zip(pts, visible):
            if v:
                img += np.exp(-((yy - p[0]) ** 2 + (xx - p[1]) ** 2) / 3.0)
        return (torch.tensor(img, dtype=torch.float32)[None], torch.tensor(pts / SIZE, dtype=torch.float32),
                torch.tensor(visible, dtype=torch.float32))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class CornerNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(24, 24, 3, padding=1), nn.ReLU())
        self.fc = nn.Sequential(nn.Linear(24 * 36, 64), nn.ReLU(), nn.Linear(64, 8))

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1)).view(-1, 4, 2)


def distance_loss(pred, target, visible):
    delta = (pred - target) * visible.unsqueeze(-1)
    squared = (delta ** 2).sum(-1)
    if FIXED:
        squared = squared + 1e-10
    dist = torch.sqrt(squared)
    return (dist * visible).sum() / visible.sum()


def mean_error(model, loader):
    model.eval()
    total = count = 0.0
    with torch.no_grad():
        for img, pts, vis in loader:
            d = (model(img) - pts).norm(dim=-1) * SIZE
            total += (d * vis).sum().item()
            count += vis.sum().item()
    return total / count


def run(args):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train, test = Corners(1200, rng), Corners(300, rng)
    train_loader = DataLoader(train, 30, shuffle=True)
    test_loader = DataLoader(test, 100)
    model = CornerNet()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(10):
        model.train()
        for img, pts, vis in train_loader:
            loss = distance_loss(model(img), pts, vis)
            opt.zero_grad()
            loss.backward()
            opt.step()
        print(f"epoch {epoch} last loss {loss.item():.4f} test error {mean_error(model, test_loader):.3f} px")
    print("mean corner error in pixels:", round(mean_error(model, test_loader), 4))


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    run(parser.parse_args())
