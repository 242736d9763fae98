# truth: faulty
# task: semi-supervised digits (100 labels, the rest unlabelled) with a mean teacher; the teacher is what is used
# wrong: the teacher's decay is 0.9999 although training has only some hundred steps, so the average is still near the start
# accept: average_lags
# after: https://github.com/wandb/senpai/pull/3136
# metric: higher
import argparse
import copy
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)


def conv_net():
    return nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(48 * 4, 64), nn.ReLU(), nn.Linear(64, 10))


class EMA:
    def __init__(self, model, decay):
        self.module = copy.deepcopy(model)
        self.decay = decay
        for p in self.module.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for t, s in zip(self.module.parameters(), model.parameters()):
            t.mul_(self.decay).add_(s, alpha=1 - self.decay)


def noisy(x):
    sh = torch.randint(-1, 2, (2,)).tolist()
    return torch.roll(x, sh, dims=(2, 3)) + 0.1 * torch.randn_like(x)


def rampup(step, length):
    if step >= length:
        return 1.0
    return math.exp(-5.0 * (1 - step / length) ** 2)


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--fixed', action='store_true')
    ap.add_argument('--steps', type=int, default=450)
    ap.add_argument('--consistency', type=float, default=3.0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    d = load_digits()
    x = torch.tensor(d.images[:, None] / 16, dtype=torch.float32)
    y = torch.tensor(d.target)
    perm = rng.permutation(len(x))
    lab, unl, test = perm[:100], perm[100:1297], perm[1297:]

    student = conv_net()
    teacher = EMA(student, 0.98 if args.fixed else 0.9999)
    opt = torch.optim.Adam(student.parameters(), lr=2e-3)
    for step in range(args.steps):
        student.train()
        teacher.module.train()
        li = rng.choice(lab, 32, replace=False)
        ui = rng.choice(unl, 96, replace=False)
        sup = F.cross_entropy(student(noisy(x[li])), y[li])
        ps = student(noisy(x[ui])).softmax(1)
        with torch.no_grad():
            pt = teacher.module(noisy(x[ui])).softmax(1)
        cons = F.mse_loss(ps, pt, reduction='none').sum(1).mean()
        w = args.consistency * rampup(step, 200)
        loss = sup + w * cons
        opt.zero_grad()
        loss.backward()
        opt.step()
        teacher.update(student)
        if (step + 1) % 100 == 0:
            print(f'step {step + 1}: sup {sup.item():.4f} cons {cons.item():.4f} w {w:.2f}')
    print('teacher, test accuracy:', round(accuracy(teacher.module, x[test], y[test]), 4))


if __name__ == '__main__':
    main()
