# truth: healthy
# task: tag made-up sound spectra with twelve labels, most of them rare (multi-label)
# after: https://pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import average_precision_score, f1_score
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
TAGS, BINS = 12, 80


def scenes(n, rng, patterns, prior):
    y = rng.random((n, TAGS)) < prior
    gain = rng.uniform(0.6, 1.4, (n, TAGS))
    power = (y * gain) @ patterns
    x = np.log(0.3 + power + 0.15 * rng.exponential(size=(n, BINS)))
    x += 0.25 * rng.normal(size=(n, 1))
    return x.astype(np.float32), y.astype(np.float32)


class Tagger(nn.Module):
    def __init__(self, hidden=160):
        super().__init__()
        self.inp = nn.Linear(BINS, hidden)
        self.mid = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, TAGS)
        self.act = nn.GELU()

    def forward(self, x):
        h = self.act(self.inp(x))
        h = h + self.act(self.mid(h))
        return self.out(h)


def probabilities(net, x):
    net.eval()
    with torch.no_grad():
        return torch.sigmoid(net(x)).numpy()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--epochs', type=int, default=16)
    ap.add_argument('--lr', type=float, default=3e-4)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    grid = np.arange(BINS)
    patterns = np.stack([sum(rng.uniform(0.5, 1.5) * np.exp(-(grid - c) ** 2 / 6) for c in rng.uniform(3, 77, 4)) for _ in range(TAGS)])
    prior = np.array([0.4, 0.25, 0.15, 0.1, 0.08, 0.06, 0.05, 0.05, 0.04, 0.04, 0.03, 0.03])
    x_train, y_train = scenes(4000, rng, patterns, prior)
    x_test, y_test = scenes(1500, rng, patterns, prior)
    mu, sd = x_train.mean(0), x_train.std(0)
    x_train, x_test = torch.tensor((x_train - mu) / sd), torch.tensor((x_test - mu) / sd)
    y_train = torch.tensor(y_train)

    rate = y_train.mean(0)
    pos_weight = ((1 - rate) / rate).sqrt()
    net = Tagger()
    with torch.no_grad():
        net.out.bias.copy_(torch.log(rate / (1 - rate)))
    criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight, reduction='sum')
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
    for epoch in range(args.epochs):
        net.train()
        total = 0.0
        for xb, yb in loader:
            loss = criterion(net(xb), yb) / len(xb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xb)
        if epoch % 5 == 4:
            print(f'epoch {epoch + 1:2d}  loss per scene {total / len(x_train):.4f}')

    p = probabilities(net, x_test)
    print('macro f1 at 0.5: %.4f' % f1_score(y_test, p > 0.5, average='macro'))
    print('mean average precision: %.4f' % average_precision_score(y_test, p, average='macro'))


if __name__ == '__main__':
    main()
