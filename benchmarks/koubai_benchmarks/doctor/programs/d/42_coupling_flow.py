# truth: faulty
# task: density model of two interleaved rings with affine coupling layers
# wrong: the log-determinant enters the likelihood with the wrong sign, so shrinking volumes is rewarded without end
# accept: loss_without_bound, not_finite, exploding_gradient
# after: https://github.com/VincentStimper/normalizing-flows/pull/28
# metric: lower
import sys

import numpy as np
import torch
from sklearn.datasets import make_circles
from torch import nn

FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(SEED)
np.random.seed(SEED)
torch.set_num_threads(1)


class AffineCoupling(nn.Module):
    def __init__(self, dim, hidden, flip):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(
            nn.Linear(dim // 2, hidden), nn.LeakyReLU(0.1),
            nn.Linear(hidden, hidden), nn.LeakyReLU(0.1),
            nn.Linear(hidden, dim),
        )
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def _split(self, v):
        a, b = v.chunk(2, dim=1)
        return (b, a) if self.flip else (a, b)

    def _join(self, a, b):
        return torch.cat([b, a] if self.flip else [a, b], dim=1)

    def forward(self, z):
        a, b = self._split(z)
        s, t = self.net(a).chunk(2, dim=1)
        return self._join(a, b * torch.exp(s) + t), s.sum(dim=1)

    def inverse(self, x):
        a, b = self._split(x)
        s, t = self.net(a).chunk(2, dim=1)
        log_det = -s.sum(dim=1) if FIXED else s.sum(dim=1)
        return self._join(a, (b - t) * torch.exp(-s)), log_det


class Flow(nn.Module):
    def __init__(self, n_layers=6, hidden=48):
        super().__init__()
        self.layers = nn.ModuleList([AffineCoupling(2, hidden, i % 2 == 1) for i in range(n_layers)])
        self.base = torch.distributions.Normal(0.0, 1.0)

    def log_prob(self, x):
        total = torch.zeros(len(x))
        for layer in reversed(self.layers):
            x, log_det = layer.inverse(x)
            total = total + log_det
        return self.base.log_prob(x).sum(dim=1) + total

    def sample(self, n):
        z = torch.randn(n, 2)
        for layer in self.layers:
            z, _ = layer(z)
        return z


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def batches(n):
    pts, _ = make_circles(n, factor=0.45, noise=0.06)
    return torch.tensor(pts * 1.5, dtype=torch.float32)


flow = Flow()
optimizer = torch.optim.Adam(flow.parameters(), lr=5e-4)
train, held_out = batches(8000), batches(1000)
for it in range(700):
    loss = -flow.log_prob(train[torch.randint(0, len(train), (256,))]).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if it % 100 == 99:
        print(f"iter {it + 1}: nll {loss.item():.3f}")

flow.eval()
with torch.no_grad():
    print("energy distance of samples to held-out points:", energy_distance(flow.sample(1000), held_out))
