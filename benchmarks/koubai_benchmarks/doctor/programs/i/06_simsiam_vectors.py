# truth: faulty
# task: self-supervised embeddings of noisy signals from two augmented views (SimSiam), judged by nearest neighbours
# wrong: the projections are not detached in the loss, so both branches are pulled together and the embedding collapses
# accept: representations_alike
# after: https://github.com/lightly-ai/lightly/issues/559
# metric: higher
import argparse
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--fixed', action='store_true')
    p.add_argument('--steps', type=int, default=700)
    p.add_argument('--lr', type=float, default=0.1)
    return p.parse_args()


def signals(n, rng, shapes):
    y = rng.integers(0, len(shapes), n)
    base = shapes[y]
    roll = rng.integers(-4, 5, n)
    base = np.stack([np.roll(b, r) for b, r in zip(base, roll)])
    base = base + 0.5 * rng.normal(size=(n, 4)) @ nuisance
    x = base + 0.3 * rng.normal(size=base.shape)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


def augment(x):
    """random shift, gain, drift and noise"""
    n, t = x.shape
    shift = torch.randint(-4, 5, (n, 1))
    idx = (torch.arange(t)[None] + shift) % t
    x = x.gather(1, idx)
    drift = torch.randn(n, 4) @ torch.tensor(nuisance, dtype=torch.float32)
    return x * (1 + 0.2 * torch.randn(n, 1)) + 0.5 * drift + 0.3 * torch.randn_like(x)


class SimSiam(nn.Module):
    def __init__(self, dim, width=128, out=64):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Linear(dim, 192), nn.BatchNorm1d(192), nn.ReLU(),
            nn.Linear(192, width), nn.BatchNorm1d(width), nn.ReLU())
        self.projection_mlp = nn.Sequential(nn.Linear(width, out), nn.BatchNorm1d(out))
        self.prediction_mlp = nn.Sequential(nn.Linear(out, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, out))

    def forward(self, x0, x1):
        z0, z1 = self.projection_mlp(self.backbone(x0)), self.projection_mlp(self.backbone(x1))
        return (z0, self.prediction_mlp(z0)), (z1, self.prediction_mlp(z1))


def neg_cosine(p, z):
    return -F.cosine_similarity(p, z, dim=1).mean()


args = get_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)
T = 64
grid = np.arange(T) / T
nuisance = np.stack([np.cos(np.pi * k * grid) for k in range(4)])
shapes = np.stack([sum(rng.normal() * np.sin(2 * np.pi * f * grid + rng.uniform(0, 6.28)) for f in (3, 4, 5, 6, 7)) for _ in range(12)])
shapes /= shapes.std(1, keepdims=True)
x_train, y_train = signals(2000, rng, shapes)
x_test, y_test = signals(800, rng, shapes)

model = SimSiam(T)
opt = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=5e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.steps)
for step in range(1, args.steps + 1):
    xb = x_train[torch.randint(0, len(x_train), (128,))]
    (z0, p0), (z1, p1) = model(augment(xb), augment(xb))
    if args.fixed:
        z0, z1 = z0.detach(), z1.detach()
    loss = 0.5 * (neg_cosine(p0, z1) + neg_cosine(p1, z0))
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if step % 100 == 0:
        print(f'[{step:4d}] loss {loss.item():.4f} lr {sched.get_last_lr()[0]:.4f}')

model.eval()
with torch.no_grad():
    bank = F.normalize(model.projection_mlp(model.backbone(x_train)), dim=1)
    query = F.normalize(model.projection_mlp(model.backbone(x_test)), dim=1)
near = (query @ bank.T).topk(10, dim=1).indices
votes = F.one_hot(y_train[near], len(shapes)).sum(1)
print('10-nn accuracy: %.4f' % (votes.argmax(1) == y_test).float().mean().item())
