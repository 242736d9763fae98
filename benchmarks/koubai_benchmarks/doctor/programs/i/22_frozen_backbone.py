# truth: healthy
# task: learn digits 0-4, then freeze the backbone and learn digits 5-9 with a new head from a few examples
# after: https://keras.io/guides/transfer_learning/
# metric: higher
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 24, 3, padding=1)
        self.b1 = nn.BatchNorm2d(24)
        self.c2 = nn.Conv2d(24, 48, 3, padding=1)
        self.b2 = nn.BatchNorm2d(48)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.b1(self.c1(x))), 2)
        x = F.relu(self.b2(self.c2(x)))
        return x.flatten(1)


class Classifier(nn.Module):
    def __init__(self, backbone, n):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(48 * 16, n)

    def forward(self, x):
        return self.head(self.backbone(x))


class FineTuner(Classifier):
    """the backbone stays as it is: no gradients, and its batch statistics stay those of the source task"""

    def __init__(self, backbone, n):
        super().__init__(backbone, n)
        for p in self.backbone.parameters():
            p.requires_grad = False

    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self


def fit(model, x, y, steps, lr, batch=32, name=''):
    params = [p for p in model.parameters() if p.requires_grad]
    print(f'{name}: {sum(p.numel() for p in params)} of {sum(p.numel() for p in model.parameters())} parameters are trained')
    opt = torch.optim.SGD(params, lr=lr, momentum=0.9, weight_decay=1e-3)
    model.train()
    for i in range(steps):
        b = torch.randint(0, len(x), (batch,))
        loss = F.cross_entropy(model(x[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if (i + 1) % 100 == 0:
            print(f'{name} {i + 1}: {loss.item():.4f}')


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    return (model(x).argmax(1) == y).float().mean().item()


if __name__ == '__main__':
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    d = load_digits()
    x = torch.tensor(d.images[:, None] / 16.0, dtype=torch.float32)
    y = torch.tensor(d.target)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    src, tgt = y < 5, y >= 5

    source = Classifier(Backbone(), 5)
    fit(source, x[src], y[src], 400, 0.02, name='source')

    xt, yt = x[tgt], y[tgt] - 5
    few = torch.cat([(yt == k).nonzero()[:15, 0] for k in range(5)])
    rest = torch.ones(len(yt), dtype=torch.bool)
    rest[few] = False
    model = FineTuner(source.backbone, 5)
    fit(model, xt[few], yt[few], 400, 0.01, name='target')
    print('accuracy on the rest of the new digits: %.4f' % accuracy(model, xt[rest], yt[rest]))
