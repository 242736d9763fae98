# truth: healthy
# task: semi-supervised digits with 60 labels: pseudo-labels above a threshold, weights averaged for the test
# after: https://arxiv.org/abs/2001.07685
# metric: higher
import argparse
import copy
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)


def get_model():
    return nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
        nn.Conv2d(24, 48, 3, padding=1), nn.LeakyReLU(0.1),
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(48 * 16, 10))


def weak(x):
    return x + 0.05 * torch.randn_like(x)


def strong(x):
    dy, dx = np.random.randint(-1, 2, 2)
    x = torch.roll(x, (int(dy), int(dx)), (2, 3))
    keep = (torch.rand(len(x), 1, 8, 8) > 0.15).float()
    return x * keep * (1 + 0.3 * torch.randn(len(x), 1, 1, 1)) + 0.15 * torch.randn_like(x)


class Average:
    def __init__(self, model):
        self.model, self.n = copy.deepcopy(model), 0

    def update(self, model, limit=0.99):
        self.n += 1
        decay = min(limit, (1 + self.n) / (10 + self.n))
        with torch.no_grad():
            for a, p in zip(self.model.parameters(), model.parameters()):
                a.lerp_(p, 1 - decay)


def main(args):
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    digits = load_digits()
    x = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32)
    y = torch.tensor(digits.target)
    order = np.random.permutation(len(x))
    pool, test = order[:1297], order[1297:]
    labelled = np.concatenate([pool[digits.target[pool] == k][:6] for k in range(10)])

    model = get_model()
    avg = Average(model)
    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim == 1]
    opt = torch.optim.SGD([{'params': decay, 'weight_decay': 5e-4}, {'params': plain}], lr=args.lr, momentum=0.9, nesterov=True)
    lr_fn = lambda s: min(1.0, (s + 1) / 30) * np.cos(7 * np.pi * s / (16 * args.steps))
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lr_fn)
    for step in range(args.steps):
        model.train()
        xl, yl = x[labelled], y[labelled]
        xu = x[np.random.choice(pool, 128, replace=False)]
        with torch.no_grad():
            prob = model(weak(xu)).softmax(1)
        conf, guess = prob.max(1)
        mask = (conf >= args.threshold).float()
        sup = F.cross_entropy(model(weak(xl)), yl)
        unsup = (F.cross_entropy(model(strong(xu)), guess, reduction='none') * mask).mean()
        loss = sup + unsup
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        avg.update(model)
        if (step + 1) % 50 == 0:
            print(f'{step + 1}: sup {sup.item():.4f} unsup {unsup.item():.4f} used {mask.mean().item():.2f}')

    for name, net in (('raw', model), ('average', avg.model)):
        net.eval()
        with torch.no_grad():
            acc = (net(x[test]).argmax(1) == y[test]).float().mean().item()
        print(f'test accuracy ({name}) {acc:.4f}')


if __name__ == '__main__':
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--steps', type=int, default=350)
    ap.add_argument('--threshold', type=float, default=0.9)
    ap.add_argument('--lr', type=float, default=0.02)
    main(ap.parse_args())
