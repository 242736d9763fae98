# truth: faulty
# task: recognise twelve activities from windows of a three-axis accelerometer with a 1-d CNN
# wrong: the network ends in a softmax and its output goes into CrossEntropyLoss, which applies log-softmax again
# accept: output_loss_mismatch
# after: https://github.com/jindongwang/Deep-learning-activity-recognition/issues/10
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
parser = argparse.ArgumentParser()
parser.add_argument('--seed', type=int, default=0)
parser.add_argument('--fixed', action='store_true')
parser.add_argument('--epochs', type=int, default=12)
parser.add_argument('--batch', type=int, default=64)
parser.add_argument('--lr', type=float, default=0.02)
args = parser.parse_args()

N_CLASS, T = 12, 64


def make_windows(n, rng, proto):
    freq, amp, grav = proto
    y = rng.integers(0, N_CLASS, n)
    t = np.arange(T) / 20.0
    speed = rng.normal(1.0, 0.06, (n, 1, 1))
    phase = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    gain = rng.normal(1.0, 0.15, (n, 1, 1))
    f = freq[y][:, None, None] * speed
    first = np.sin(2 * np.pi * f * t + phase)
    second = np.sin(4 * np.pi * f * t + 2 * phase + 0.7)
    x = gain * (amp[y, :, 0, None] * first + amp[y, :, 1, None] * second)
    x = x + grav[y][:, :, None] + rng.normal(0, 0.35, (n, 3, T))
    return x.astype(np.float32), y


class Network(nn.Module):
    def __init__(self, fixed):
        super().__init__()
        self.fixed = fixed
        self.conv1 = nn.Sequential(nn.Conv1d(3, 16, 9), nn.ReLU(), nn.MaxPool1d(2))
        self.conv2 = nn.Sequential(nn.Conv1d(16, 32, 9), nn.ReLU(), nn.MaxPool1d(2))
        self.fc1 = nn.Linear(32 * 10, 64)
        self.fc2 = nn.Linear(64, N_CLASS)

    def forward(self, x):
        h = self.conv2(self.conv1(x)).flatten(1)
        out = self.fc2(F.relu(self.fc1(h)))
        if self.fixed:
            return out
        return F.softmax(out, dim=1)


def evaluate(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for xb, yb in loader:
            right += (model(xb).argmax(1) == yb).sum().item()
            total += len(yb)
    return right / total


def main():
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    proto = (np.linspace(0.7, 2.2, N_CLASS), rng.normal(0, 0.7, (N_CLASS, 3, 2)), rng.normal(0, 0.35, (N_CLASS, 3)))
    xtr, ytr = make_windows(2400, rng, proto)
    xte, yte = make_windows(1000, rng, proto)
    mean, std = xtr.mean((0, 2), keepdims=True), xtr.std((0, 2), keepdims=True)
    xtr, xte = (xtr - mean) / std, (xte - mean) / std
    train = DataLoader(TensorDataset(torch.tensor(xtr), torch.tensor(ytr)), batch_size=args.batch, shuffle=True)
    test = DataLoader(TensorDataset(torch.tensor(xte), torch.tensor(yte)), batch_size=256)

    model = Network(args.fixed)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for xb, yb in train:
            output = model(xb)
            loss = criterion(output, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(yb)
        print(f'Epoch [{epoch + 1}/{args.epochs}] loss {running / len(ytr):.4f} test acc {evaluate(model, test):.4f}')
    print('final test accuracy', round(evaluate(model, test), 4))


if __name__ == '__main__':
    main()
