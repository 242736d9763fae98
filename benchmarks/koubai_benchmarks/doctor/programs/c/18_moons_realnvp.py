# truth: faulty
# task: RealNVP density model of the two moons
# wrong: the log-determinant enters the loss with the wrong sign, so shrinking all scales lowers the loss for ever
# accept: loss_without_bound, wrong_gradient, not_finite
# after: https://github.com/VincentStimper/normalizing-flows/issues/27
# metric: lower
import argparse
import math
import sys

import torch
from sklearn.datasets import make_moons
from torch import nn

FIXED = "--fixed" in sys.argv
SIGN = 1.0 if FIXED else -1.0


class AffineCoupling(nn.Module):
    def __init__(self, flip, hidden=48):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 2))
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        a, b = x[:, :1], x[:, 1:]
        if self.flip:
            a, b = b, a
        s, t = self.net(a).chunk(2, dim=1)
        b = b * torch.exp(s) + t
        z = torch.cat([b, a] if self.flip else [a, b], dim=1)
        return z, s.sum(1)


class RealNVP(nn.Module):
    def __init__(self, n_layers=6):
        super().__init__()
        self.layers = nn.ModuleList(AffineCoupling(i % 2 == 1) for i in range(n_layers))

    def forward(self, x):
        logdet = torch.zeros(len(x))
        for layer in self.layers:
            x, ld = layer(x)
            logdet = logdet + ld
        return x, logdet


def base_log_prob(z):
    return (-0.5 * z.pow(2) - 0.5 * math.log(2 * math.pi)).sum(1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    opts = ap.parse_args()
    torch.manual_seed(opts.seed)
    torch.set_num_threads(1)

    x, _ = make_moons(4000, noise=0.08, random_state=opts.seed)
    x = torch.tensor(x, dtype=torch.float32)
    x = (x - x.mean(0)) / x.std(0)
    x_train, x_test = x[:3000], x[3000:]

    flow = RealNVP()
    optimizer = torch.optim.Adam(flow.parameters(), lr=2e-3)
    for it in range(700):
        batch = x_train[torch.randint(0, len(x_train), (128,))]
        z, logdet = flow(batch)
        loss = -(base_log_prob(z) + SIGN * logdet).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (it + 1) % 100 == 0:
            print(f"iteration {it + 1}: loss {loss.item():.4f}")

    flow.eval()
    with torch.no_grad():
        z, logdet = flow(x_test)
        nll = -(base_log_prob(z) + logdet).mean().item()
    print(f"held-out negative log-likelihood {nll:.4f}")


main()
