# truth: faulty
# task: tell eight bearing conditions apart from short vibration spectra
# wrong: the recordings are read one condition after the other and fed in that order: every batch holds a single class
# accept: data_sorted
# after: https://github.com/facebookresearch/fastText/issues/74
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset

torch.set_num_threads(1)
CONDITIONS = ['healthy', 'inner_light', 'inner_heavy', 'outer_light', 'outer_heavy', 'ball', 'cage', 'loose']


class Recording(Dataset):
    """one recording of one condition, cut into windows and turned into log spectra"""

    def __init__(self, label, n, rng, win=128):
        t = np.arange(win) / win
        fault = 5 + 4 * label
        x = rng.normal(0, 1.0, (n, win))
        x += rng.uniform(0.6, 1.2, (n, 1)) * np.sin(2 * np.pi * 3 * t + rng.uniform(0, 6.28, (n, 1)))
        f = fault * rng.normal(1, 0.03, (n, 1))
        x += rng.uniform(0.5, 1.1, (n, 1)) * np.sin(2 * np.pi * f * t + rng.uniform(0, 6.28, (n, 1)))
        x += 0.5 * rng.uniform(0.5, 1.1, (n, 1)) * np.sin(4 * np.pi * f * t / 3 + rng.uniform(0, 6.28, (n, 1)))
        spec = np.log1p(np.abs(np.fft.rfft(x * np.hanning(win))))
        self.x = torch.tensor((spec - 1.5) / 0.7, dtype=torch.float32)
        self.label = label

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.label


def build(n, rng):
    return ConcatDataset([Recording(k, n, rng) for k in range(len(CONDITIONS))])


def run(args):
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    train_loader = DataLoader(build(320, rng), batch_size=32, shuffle=args.fixed)
    test_loader = DataLoader(build(120, rng), batch_size=120)

    net = nn.Sequential(nn.Linear(65, 100), nn.ReLU(), nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, len(CONDITIONS)))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    ce = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        net.train()
        losses, correct = [], 0
        for xb, yb in train_loader:
            optimizer.zero_grad()
            logits = net(xb)
            loss = ce(logits, yb)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            correct += (logits.argmax(1) == yb).sum().item()
        print('epoch %2d  loss %.4f  running acc %.3f' % (epoch, np.mean(losses), correct / len(train_loader.dataset)))

    net.eval()
    correct = 0
    with torch.no_grad():
        for xb, yb in test_loader:
            hit = (net(xb).argmax(1) == yb).sum().item()
            print('  %-12s recall %.3f' % (CONDITIONS[int(yb[0])], hit / len(yb)))
            correct += hit
    print('test accuracy %.4f' % (correct / len(test_loader.dataset)))


if __name__ == '__main__':
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--fixed', action='store_true')
    ap.add_argument('--epochs', type=int, default=15)
    run(ap.parse_args())
