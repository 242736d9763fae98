# truth: healthy
# task: embed made-up glyph images with an angular margin that grows during training; retrieval on unseen glyphs
# after: https://arxiv.org/abs/1801.07698
# metric: higher
import argparse
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
S = 16


def make_protos(n, rng):
    yy, xx = np.mgrid[:S, :S]
    out = np.zeros((n, S, S))
    for k in range(n):
        for _ in range(4):
            cy, cx = rng.uniform(3, S - 4, 2)
            a = rng.uniform(0, np.pi)
            u = (yy - cy) * np.cos(a) + (xx - cx) * np.sin(a)
            v = -(yy - cy) * np.sin(a) + (xx - cx) * np.cos(a)
            out[k] += np.exp(-u ** 2 / 1.5 - v ** 2 / 10)
    return out


def draw(protos, y, rng):
    x = np.empty((len(y), 1, S, S), np.float32)
    for i, k in enumerate(y):
        x[i, 0] = np.roll(protos[k], rng.integers(-2, 3, 2), (0, 1)) * rng.uniform(0.7, 1.3) + rng.normal(0, 0.35, (S, S))
    return torch.from_numpy(x)


class Embedder(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 5, padding=2), nn.BatchNorm2d(16), nn.PReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.PReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * 16, dim), nn.BatchNorm1d(dim))

    def forward(self, x):
        return F.normalize(self.net(x), dim=1)


class ArcMargin(nn.Module):
    def __init__(self, dim, n_class, scale=16.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_class, dim) * 0.1)
        self.scale = scale

    def forward(self, e, y, margin):
        cos = e @ F.normalize(self.weight, dim=1).T
        theta = torch.acos(cos.clamp(-1 + 1e-6, 1 - 1e-6))
        target = torch.cos((theta + margin).clamp(max=math.pi))
        hot = F.one_hot(y, len(self.weight)).bool()
        return F.cross_entropy(self.scale * torch.where(hot, target, cos), y)


def recall_at_1(model, x, y):
    model.eval()
    with torch.no_grad():
        e = torch.cat([model(c) for c in x.split(200)])
    sim = e @ e.T
    sim.fill_diagonal_(-2)
    return (y[sim.argmax(1)] == y).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--steps', type=int, default=400)
    ap.add_argument('--max-margin', type=float, default=0.6)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    protos = make_protos(60, rng)
    y = rng.integers(0, 40, 3000)
    x, y = draw(protos, y, rng), torch.from_numpy(y)
    yt = np.repeat(np.arange(40, 60), 20)
    xt, yt = draw(protos, yt, rng), torch.from_numpy(yt)
    model, head = Embedder(), ArcMargin(32, 40)
    opt = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=2e-3)
    print('recall@1 before training %.4f' % recall_at_1(model, xt, yt))
    log = []
    for step in range(args.steps):
        model.train()
        margin = args.max_margin * min(1.0, step / (0.75 * args.steps))
        b = torch.randint(0, len(x), (64,))
        loss = head(model(x[b]), y[b], margin)
        opt.zero_grad()
        loss.backward()
        opt.step()
        log.append(loss.item())
        if (step + 1) % 50 == 0:
            print(f'step {step + 1}: margin {margin:.2f} loss {np.mean(log[-50:]):.4f}')
    print('recall@1 on unseen glyphs: %.4f' % recall_at_1(model, xt, yt))


if __name__ == '__main__':
    main()
