# truth: faulty
# task: count-the-corners classifier of small polygons drawn as radial profiles, evaluated with averaged weights
# wrong: the moving average has a decay of 0.9999 over some 600 updates, so the averaged weights are nearly the start
# accept: average_lags
# after: https://github.com/konpatp/diffae/issues/16
# metric: higher
import argparse
import copy
import math
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F


class EMA:
    def __init__(self, model, decay):
        self.decay = decay
        self.module = copy.deepcopy(model).eval()
        for p in self.module.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for e, p in zip(self.module.state_dict().values(), model.state_dict().values()):
            if e.dtype.is_floating_point:
                e.mul_(self.decay).add_(p, alpha=1 - self.decay)
            else:
                e.copy_(p)


def polygons(n, rng, points=48):
    """Distance of the border from the centre, seen every 7.5 degrees; 3 to 7 corners."""
    y = rng.integers(3, 8, n)
    angle = np.arange(points) / points * 2 * math.pi
    x = np.zeros((n, 1, points), dtype=np.float32)
    for i, k in enumerate(y):
        turn = rng.uniform(0, 2 * math.pi)
        local = (angle + turn) % (2 * math.pi / k) - math.pi / k
        r = math.cos(math.pi / k) / np.cos(local)
        squeeze = 1 + rng.uniform(0, 0.1) * np.cos(2 * (angle - turn))
        x[i, 0] = rng.uniform(0.7, 1.3) * r * squeeze + rng.normal(0, 0.03, points)
    x = x - x.mean(-1, keepdims=True)
    x = x / x.std(-1, keepdims=True)
    return torch.from_numpy(x), torch.from_numpy(y - 3)


class ConvNet1d(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        pad = dict(padding=2, padding_mode="circular")
        self.c1 = nn.Conv1d(1, width, 5, **pad)
        self.c2 = nn.Conv1d(width, width, 5, **pad)
        self.c3 = nn.Conv1d(width, width, 5, **pad)
        self.fc = nn.Linear(2 * width, 5)

    def forward(self, x):
        x = F.gelu(self.c1(x))
        x = F.gelu(self.c2(F.avg_pool1d(x, 2)))
        x = F.gelu(self.c3(x))
        return self.fc(torch.cat([x.mean(-1), x.amax(-1)], 1))


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    return (net(x).argmax(1) == y).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=12)
    cfg = ap.parse_args()
    decay = 0.98 if cfg.fixed else 0.9999
    torch.set_num_threads(1)
    torch.manual_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    x, y = polygons(1600, rng)
    xt, yt = polygons(800, rng)

    net = ConvNet1d()
    ema = EMA(net, decay)
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for epoch in range(cfg.epochs):
        net.train()
        losses = []
        for rows in torch.randperm(len(x)).split(32):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            ema.update(net)
            losses.append(loss.item())
        print(f"epoch {epoch:2d} loss {np.mean(losses):.4f} test acc {accuracy(ema.module, xt, yt):.4f}")
    print(f"final test accuracy {accuracy(ema.module, xt, yt):.4f}")


if __name__ == "__main__":
    main()
