# truth: faulty
# task: pre-train a backbone on twenty made-up glyphs, then fine-tune on eight new glyphs with five examples each
# wrong: the checkpoint's keys carry the prefix "model." and are loaded with strict=False, so nothing of the backbone is loaded
# accept: none
# after: https://github.com/pytorch/examples/issues/1029
# metric: higher
import argparse
import io

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
SIZE = 16


def glyph_prototypes(n, rng):
    """random strokes"""
    protos = np.zeros((n, SIZE, SIZE))
    yy, xx = np.mgrid[:SIZE, :SIZE]
    for k in range(n):
        pts = rng.uniform(3, SIZE - 4, (4, 2))
        for p, q in zip(pts[:-1], pts[1:]):
            for s in np.linspace(0, 1, 16):
                y, x = p + s * (q - p)
                protos[k] = np.maximum(protos[k], np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / 1.2))
    return protos


def render(protos, y, rng):
    out = np.empty((len(y), 1, SIZE, SIZE), np.float32)
    for i, k in enumerate(y):
        img = np.roll(protos[k], rng.integers(-3, 4, 2), axis=(0, 1))
        out[i, 0] = img * rng.uniform(0.7, 1.3) + rng.normal(0, 0.3, img.shape)
    return torch.from_numpy(out)


class Backbone(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.layer1 = nn.Conv2d(1, 16, 5, padding=2)
        self.layer2 = nn.Conv2d(16, 32, 3, padding=1)
        self.layer3 = nn.Conv2d(32, 48, 3, padding=1)
        self.fc = nn.Linear(48 * 4, n_out)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.layer1(x)), 2)
        x = F.max_pool2d(F.relu(self.layer2(x)), 2)
        x = F.max_pool2d(F.relu(self.layer3(x)), 2)
        return self.fc(x.flatten(1))


class LitClassifier(nn.Module):
    """training wrapper, keeps the network under .model"""

    def __init__(self, n_class, lr):
        super().__init__()
        self.model = Backbone(n_class)
        self.lr = lr

    def training_step(self, batch):
        x, y = batch
        return F.cross_entropy(self.model(x), y)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)

    def fit(self, x, y, steps, batch=64):
        opt = self.configure_optimizers()
        for i in range(steps):
            b = torch.randint(0, len(x), (batch,))
            loss = self.training_step((x[b], y[b]))
            opt.zero_grad()
            loss.backward()
            opt.step()
            if (i + 1) % 100 == 0:
                print(f'pretrain {i + 1}: {loss.item():.4f}')


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--fixed', action='store_true')
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    protos = glyph_prototypes(28, rng)
    y = rng.integers(0, 20, 3000)
    lit = LitClassifier(20, 1e-3)
    lit.fit(render(protos, y, rng), torch.from_numpy(y), 350)
    file = io.BytesIO()
    torch.save({'state_dict': lit.state_dict(), 'epoch': 1}, file)

    # ---- downstream: eight new glyphs
    file.seek(0)
    state = torch.load(file)['state_dict']
    if args.fixed:
        state = {k.replace('model.', '', 1): v for k, v in state.items()}
    state = {k: v for k, v in state.items() if 'fc.' not in k}
    net = Backbone(8)
    net.load_state_dict(state, strict=False)

    y_few = np.repeat(np.arange(8), 5)
    x_few, t_few = render(protos[20:], y_few, rng), torch.from_numpy(y_few)
    y_test = rng.integers(0, 8, 800)
    x_test, t_test = render(protos[20:], y_test, rng), torch.from_numpy(y_test)
    body = [p for n, p in net.named_parameters() if not n.startswith('fc.')]
    opt = torch.optim.Adam([{'params': body, 'lr': 1e-4}, {'params': net.fc.parameters(), 'lr': 3e-3}])
    for i in range(150):
        loss = F.cross_entropy(net(x_few), t_few)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if (i + 1) % 50 == 0:
            print(f'finetune {i + 1}: {loss.item():.4f}')
    with torch.no_grad():
        print('accuracy on the new glyphs: %.4f' % (net(x_test).argmax(1) == t_test).float().mean().item())


if __name__ == '__main__':
    main()
