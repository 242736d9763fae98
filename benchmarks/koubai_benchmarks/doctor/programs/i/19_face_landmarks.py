# truth: faulty
# task: regress five face landmarks (eyes, nose, corners of the mouth) in small made-up images, with flips as augmentation
# wrong: the flip mirrors the coordinates but does not exchange the left and right landmarks, so half of the targets are in the wrong order
# accept: label_noise
# after: https://github.com/ildoonet/tf-pose-estimation/issues/33
# metric: lower
import argparse
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
W = 24
PAIRS = [1, 0, 2, 4, 3]          # left eye, right eye, nose, left mouth, right mouth


def faces(n, rng):
    yy, xx = np.mgrid[:W, :W]
    imgs = np.zeros((n, 1, W, W), np.float32)
    pts = np.zeros((n, 5, 2), np.float32)
    base = np.array([[-4, -4], [4, -4], [0, 0], [-3, 5], [3, 5]], float)
    for i in range(n):
        a, s = rng.normal(0, 0.2), rng.uniform(0.8, 1.2)
        rot = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
        p = W / 2 - 0.5 + rng.uniform(-3, 3, 2) + s * (base + rng.normal(0, 0.5, base.shape)) @ rot
        img = np.zeros((W, W))
        for k, (x, y) in enumerate(p):
            img += (1.0 if k != 2 else 0.7) * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (3.0 if k < 2 else 1.8))
        for s_ in np.linspace(0, 1, 8):
            x, y = p[3] + s_ * (p[4] - p[3])
            img = np.maximum(img, 0.8 * np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / 1.0))
        imgs[i, 0] = img + rng.normal(0, 0.15, (W, W))
        pts[i] = p
    return torch.from_numpy(imgs), torch.from_numpy(pts)


class FaceDataset(torch.utils.data.Dataset):
    def __init__(self, imgs, pts, fixed, train=True):
        self.imgs, self.pts, self.fixed, self.train = imgs, pts, fixed, train

    def __len__(self):
        return len(self.imgs)

    def flip(self, img, pts):
        img = torch.flip(img, dims=[-1])
        pts = torch.stack([W - 1 - pts[:, 0], pts[:, 1]], dim=1)
        if self.fixed:
            pts = pts[PAIRS]
        return img, pts

    def __getitem__(self, i):
        img, pts = self.imgs[i], self.pts[i]
        if self.train and torch.rand(1).item() < 0.5:
            img, pts = self.flip(img, pts)
        return img, (pts / (W - 1) * 2 - 1).flatten()


def make_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(24 * 36, 96), nn.ReLU(), nn.Linear(96, 10))


def main(opt):
    torch.manual_seed(opt.seed)
    rng = np.random.default_rng(opt.seed)
    train_set = FaceDataset(*faces(900, rng), opt.fixed)
    test_set = FaceDataset(*faces(300, rng), opt.fixed, train=False)
    loader = torch.utils.data.DataLoader(train_set, batch_size=32, shuffle=True)
    test_loader = torch.utils.data.DataLoader(test_set, batch_size=100)
    model = make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [opt.epochs * 2 // 3], gamma=0.3)
    criterion = nn.SmoothL1Loss(beta=0.1)
    for epoch in range(opt.epochs):
        model.train()
        total = 0.0
        for img, target in loader:
            optimizer.zero_grad()
            loss = criterion(model(img), target)
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        print('epoch %d loss %.5f' % (epoch, total / len(loader)))
    model.eval()
    errs = []
    with torch.no_grad():
        for img, target in test_loader:
            d = (model(img) - target).view(-1, 5, 2).norm(dim=2) * (W - 1) / 2
            errs.append(d.mean(1))
    print('mean landmark error in pixels: %.4f' % torch.cat(errs).mean().item())


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--fixed', action='store_true')
    parser.add_argument('--epochs', type=int, default=10)
    main(parser.parse_args())
