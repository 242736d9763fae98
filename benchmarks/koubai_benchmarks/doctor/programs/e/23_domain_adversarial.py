# truth: healthy
# task: classify machine states on an unlabelled second machine with a gradient reversal layer; the domain loss rises to ln 2 on purpose
# after: https://github.com/fungtion/DANN_py3/issues/12
# metric: higher
import argparse
import math

import numpy as np
import torch
import torch.nn as nn
from torch.autograd import Function

torch.set_num_threads(1)


class ReverseLayerF(Function):
    @staticmethod
    def forward(ctx, x, alpha):
        ctx.alpha = alpha
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.neg() * ctx.alpha, None


class DANN(nn.Module):
    def __init__(self, n_in=16, n_feat=24, n_class=4):
        super().__init__()
        self.feature = nn.Sequential(nn.Linear(n_in, 48), nn.ReLU(), nn.Linear(48, n_feat), nn.ReLU())
        self.class_classifier = nn.Sequential(nn.Linear(n_feat, 24), nn.ReLU(), nn.Linear(24, n_class))
        self.domain_classifier = nn.Sequential(nn.Linear(n_feat, 24), nn.ReLU(), nn.Linear(24, 2))

    def forward(self, x, alpha):
        f = self.feature(x)
        return self.class_classifier(f), self.domain_classifier(ReverseLayerF.apply(f, alpha))


def machine(n, rng, centers, shift):
    y = rng.randint(0, len(centers), n)
    x = centers[y] + rng.normal(0, 0.8, (n, centers.shape[1]))
    return torch.tensor(x + shift, dtype=torch.float32), torch.tensor(y)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=15)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.RandomState(args.seed)
    centers = rng.normal(0, 1.4, (4, 16))
    shift = rng.normal(0, 1, 16)
    shift = 1.6 * shift / np.linalg.norm(shift)
    xs, ys = machine(1500, rng, centers, 0.0)
    xt, _ = machine(1500, rng, centers, shift)
    xe, ye = machine(800, rng, centers, shift)

    net = DANN()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    loss_class, loss_domain = nn.CrossEntropyLoss(), nn.CrossEntropyLoss()
    steps = len(xs) // 50
    for epoch in range(args.epochs):
        net.train()
        ps, pt = torch.randperm(len(xs)), torch.randperm(len(xt))
        log = []
        for i in range(steps):
            p = (i + epoch * steps) / (args.epochs * steps)
            alpha = 2.0 / (1.0 + math.exp(-10 * p)) - 1
            s, t = ps[50 * i:50 * i + 50], pt[50 * i:50 * i + 50]
            c_out, d_src = net(xs[s], alpha)
            _, d_tgt = net(xt[t], alpha)
            err_c = loss_class(c_out, ys[s])
            err_d = loss_domain(d_src, torch.zeros(50).long()) + loss_domain(d_tgt, torch.ones(50).long())
            optimizer.zero_grad()
            (err_c + err_d).backward()
            optimizer.step()
            log.append((err_c.item(), err_d.item() / 2))
        if epoch % 4 == 0:
            print("epoch: %d, err_s_label: %.4f, err_domain: %.4f" % (epoch, *np.mean(log, 0)))
    net.eval()
    with torch.no_grad():
        acc = (net(xe, 0.0)[0].argmax(1) == ye).float().mean().item()
    print("accuracy on the second machine: %.4f" % acc)


if __name__ == "__main__":
    main()
