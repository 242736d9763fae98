# truth: faulty
# task: find the four corners of a court in small made-up images by predicting heat maps
# wrong: the training loop never calls zero_grad, so every update uses the sum of all gradients so far
# accept: gradients_not_reset
# after: https://github.com/yastrebksv/TennisCourtDetector/issues/7
# metric: lower
import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

S = 20


def court_images(n, rng):
    yy, xx = np.mgrid[:S, :S].astype(float)
    imgs, pts = np.zeros((n, 1, S, S), np.float32), np.zeros((n, 4, 2), np.float32)
    for i in range(n):
        c = rng.uniform(8, 11, 2)
        h, w, a = rng.uniform(3.5, 5.5), rng.uniform(3.5, 6), rng.uniform(-0.35, 0.35)
        rot = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        corners = c + np.array([[-h, -w], [-h, w], [h, w], [h, -w]]) @ rot.T
        img = np.zeros((S, S))
        for k in range(4):
            p, q = corners[k], corners[(k + 1) % 4]
            for s in np.linspace(0, 1, 30):
                y, x = p + s * (q - p)
                img = np.maximum(img, np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / 0.6))
        imgs[i, 0] = img + rng.normal(0, 0.15, (S, S))
        pts[i] = corners
    return torch.from_numpy(imgs), torch.from_numpy(pts)


def draw_heatmaps(pts, sigma=1.3):
    g = torch.arange(S, dtype=torch.float32)
    dy = (g[None, None, :, None] - pts[..., 0, None, None]) ** 2
    dx = (g[None, None, None, :] - pts[..., 1, None, None]) ** 2
    return torch.exp(-(dy + dx) / (2 * sigma ** 2))


class BallTrackerNet(nn.Module):
    def __init__(self, out_channels=4, c=16):
        super().__init__()
        def block(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(o))
        self.enc1, self.enc2 = block(1, c), block(c, 2 * c)
        self.mid = nn.Sequential(nn.MaxPool2d(2), block(2 * c, 2 * c), block(2 * c, 2 * c), nn.Upsample(scale_factor=2))
        self.dec = block(4 * c, c)
        self.out = nn.Conv2d(c, out_channels, 3, padding=1)

    def forward(self, x):
        low = nn.functional.max_pool2d(self.enc1(x), 2)
        e = self.enc2(low)
        d = self.dec(torch.cat([self.mid(e), e], 1))
        return self.out(nn.functional.interpolate(d, scale_factor=2))


def train(model, loader, optimizer, criterion, epoch, args):
    model.train()
    losses = []
    for img, hm in loader:
        if args.fixed:
            optimizer.zero_grad()
        out = torch.sigmoid(model(img))
        loss = criterion(out, hm)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print('train, epoch = {}, loss = {:.5f}'.format(epoch, np.mean(losses)))


def validate(model, img, pts):
    model.eval()
    with torch.no_grad():
        hm = torch.sigmoid(model(img)).flatten(2)
    best = hm.argmax(-1)
    pred = torch.stack([best // S, best % S], -1).float()
    return (pred - pts).norm(dim=-1).mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--fixed', action='store_true')
    parser.add_argument('--num_epochs', type=int, default=7)
    parser.add_argument('--lr', type=float, default=2e-3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x_train, p_train = court_images(500, rng)
    x_val, p_val = court_images(150, rng)
    loader = DataLoader(TensorDataset(x_train, draw_heatmaps(p_train)), batch_size=16, shuffle=True)
    model = BallTrackerNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, betas=(0.9, 0.999))
    for epoch in range(args.num_epochs):
        train(model, loader, optimizer, nn.MSELoss(), epoch, args)
    print('mean distance of the corners in pixels: %.4f' % validate(model, x_val, p_val))


if __name__ == '__main__':
    main()
