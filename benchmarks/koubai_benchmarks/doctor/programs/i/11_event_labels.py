# truth: faulty
# task: mark every time step of a seismic-like trace as background or one of two rare event kinds (1-d segmentation)
# wrong: over 98 % of the time steps are background and the softmax loss is not weighted, so the network answers background everywhere
# accept: class_imbalance
# after: https://github.com/dmlc/gluon-cv/issues/644
# metric: higher
import argparse
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)


class Traces:
    L = 256

    def __init__(self, rng):
        self.rng = rng
        t = np.arange(-6, 7)
        self.wave = {1: 2.2 * np.exp(-t ** 2 / 12) * np.cos(1.4 * t), 2: 2.2 * np.exp(-t ** 2 / 12) * np.sin(0.8 * t)}

    def batch(self, n):
        r = self.rng
        x = r.normal(size=(n, self.L))
        x = 0.7 * x + 0.5 * np.roll(x, 1, axis=1)
        y = np.zeros((n, self.L), dtype=np.int64)
        for i in range(n):
            for kind in (1, 2):
                if r.random() < 0.5:
                    c = r.integers(8, self.L - 8)
                    x[i, c - 6:c + 7] += self.wave[kind] * r.uniform(0.6, 1.3)
                    y[i, c - 2:c + 3] = kind
        return torch.tensor(x[:, None], dtype=torch.float32), torch.tensor(y)


class Segmenter(nn.Module):
    def __init__(self, ch=16, n_class=3):
        super().__init__()
        layers, c_in = [], 1
        for d in (1, 2, 4):
            layers += [nn.Conv1d(c_in, ch, 7, padding=3 * d, dilation=d), nn.BatchNorm1d(ch), nn.ReLU()]
            c_in = ch
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Conv1d(ch, n_class, 1)

    def forward(self, x):
        return self.head(self.trunk(x))


def mean_class_accuracy(pred, true):
    return np.mean([(pred[true == k] == k).float().mean().item() for k in range(3)])


def main(seed, fixed, steps):
    torch.manual_seed(seed)
    data = Traces(np.random.default_rng(seed))
    x_train, y_train = data.batch(1200)
    x_test, y_test = data.batch(500)
    share = torch.bincount(y_train.flatten(), minlength=3) / y_train.numel()
    print('share of the classes', [round(s, 4) for s in share.tolist()])

    model = Segmenter()
    if fixed:
        loss_fn = nn.CrossEntropyLoss(weight=(1 / share) / (1 / share).mean())
    else:
        loss_fn = nn.CrossEntropyLoss()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps)
    for step in range(steps):
        b = torch.randint(0, len(x_train), (20,))
        model.train()
        out = model(x_train[b])
        loss = loss_fn(out, y_train[b])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sched.step()
        if (step + 1) % 50 == 0:
            pix = (out.argmax(1) == y_train[b]).float().mean().item()
            print(f'iter {step + 1:4d} loss {loss.item():.4f} pixAcc {pix:.4f}')

    model.eval()
    with torch.no_grad():
        pred = torch.cat([model(c).argmax(1) for c in x_test.split(100)])
    print('test pixAcc %.4f' % (pred == y_test).float().mean().item())
    print('test mean class accuracy %.4f' % mean_class_accuracy(pred, y_test))


if __name__ == '__main__':
    p = argparse.ArgumentParser()
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--fixed', action='store_true')
    p.add_argument('--steps', type=int, default=500)
    a = p.parse_args()
    main(a.seed, a.fixed, a.steps)
