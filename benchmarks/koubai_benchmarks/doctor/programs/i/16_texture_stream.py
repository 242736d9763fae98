# truth: faulty
# task: classify made-up surface textures; at test time images arrive from the belt, one surface after the other
# wrong: eval() is never called, so batch normalization takes the statistics of the small test batches and dropout stays on
# accept: evaluated_in_training_mode, answers_depend_on_batch, batch_norm_misuse
# after: https://github.com/itayhubara/BinaryNet.tf/issues/9
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
parser = argparse.ArgumentParser(description='belt inspection')
parser.add_argument('--seed', type=int, default=0)
parser.add_argument('--fixed', action='store_true')
parser.add_argument('--iters', type=int, default=350)
parser.add_argument('--test-batch', type=int, default=8)
args = parser.parse_args()

SIZE = 16
KINDS = ['plain', 'brushed', 'crossed', 'dotted', 'wavy', 'coarse']


def texture(kind, n, rng):
    yy, xx = np.mgrid[:SIZE, :SIZE]
    out = np.zeros((n, SIZE, SIZE))
    for i in range(n):
        ph = rng.uniform(0, 2 * np.pi, 3)
        f = rng.normal(1.3, 0.1)
        light = rng.normal(0, 0.5)
        if kind == 'plain':
            t = 0 * xx
        elif kind == 'brushed':
            t = np.sin(f * xx + ph[0])
        elif kind == 'crossed':
            t = 0.7 * np.sin(f * xx + ph[0]) + 0.7 * np.sin(f * yy + ph[1])
        elif kind == 'dotted':
            t = 1.4 * np.sin(f * xx + ph[0]) * np.sin(f * yy + ph[1])
        elif kind == 'wavy':
            t = np.sin(f * xx + 1.5 * np.sin(0.6 * yy + ph[1]) + ph[0])
        else:
            t = np.kron(rng.normal(size=(SIZE // 4, SIZE // 4)), np.ones((4, 4)))
        out[i] = light + rng.uniform(0.5, 1.0) * t + rng.normal(0, 0.7, (SIZE, SIZE))
    return torch.tensor(out[:, None], dtype=torch.float32)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(32 * 16, 48, bias=False), nn.BatchNorm1d(48), nn.ReLU(),
            nn.Dropout(0.3), nn.Linear(48, len(KINDS)))

    def forward(self, x):
        return self.classifier(self.features(x))


def main():
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x_train = torch.cat([texture(k, 300, rng) for k in KINDS])
    y_train = torch.arange(len(KINDS)).repeat_interleave(300)
    belt = [(j, texture(k, 96, rng)) for j, k in enumerate(KINDS)]

    net = Classifier()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    net.train()
    hits, seen = 0, 0
    for it in range(1, args.iters + 1):
        idx = torch.randint(0, len(x_train), (48,))
        logits = net(x_train[idx])
        loss = criterion(logits, y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits += (logits.argmax(1) == y_train[idx]).sum().item()
        seen += len(idx)
        if it % 50 == 0:
            print(f'iter {it}: loss {loss.item():.4f}, accuracy so far {hits / seen:.4f}')
            hits = seen = 0

    if args.fixed:
        net.eval()
    right = total = 0
    with torch.no_grad():
        for label, images in belt:
            for part in images.split(args.test_batch):
                right += (net(part).argmax(1) == label).sum().item()
                total += len(part)
    print('accuracy on the belt:', round(right / total, 4))


if __name__ == '__main__':
    main()
