# truth: faulty
# task: recognize the state of a machine from six sensor channels over time with a GRU
# wrong: the recordings (batch, channel, time) are brought to (batch, time, channel) by view instead of a transpose
# accept: none
# after: https://github.com/zamanzadeh/CARLA/issues/16
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def record(n, rng, channels=6, steps=40):
    """Coupled vibrations: the state shows in which pairs of channels move together."""
    pairs = [[(0, 1), (2, 3), (4, 5)], [(0, 2), (1, 4), (3, 5)], [(0, 3), (1, 5), (2, 4)]]
    y = rng.integers(0, 3, n)
    x = np.zeros((n, channels, steps), dtype=np.float32)
    for i, state in enumerate(y):
        for a, b in pairs[state]:
            drive = np.zeros(steps)
            for t in range(1, steps):
                drive[t] = 0.6 * drive[t - 1] + rng.normal(0, 0.8)
            x[i, a] = drive + rng.normal(0, 0.4, steps)
            x[i, b] = drive + rng.normal(0, 0.4, steps)
    return torch.from_numpy(x), torch.from_numpy(y)


class StateNet(nn.Module):
    def __init__(self, channels, hidden, n_states, fixed):
        super().__init__()
        self.channels = channels
        self.fixed = fixed
        self.inp = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU())
        self.gru = nn.GRU(hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, n_states)

    def forward(self, x):
        if self.fixed:
            x = x.transpose(1, 2)
        else:
            x = x.view(x.size(0), -1, self.channels)
        h, _ = self.gru(self.inp(x))
        return self.head(h.mean(dim=1))


class Runner:
    def __init__(self, args):
        torch.manual_seed(args.seed)
        rng = np.random.default_rng(args.seed)
        self.train_loader = DataLoader(TensorDataset(*record(1500, rng)), batch_size=50, shuffle=True)
        self.test_loader = DataLoader(TensorDataset(*record(600, rng)), batch_size=300)
        self.net = StateNet(6, 32, 3, args.fixed)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=4e-3)
        self.loss = nn.CrossEntropyLoss()
        self.epochs = args.epochs

    def train(self):
        for epoch in range(self.epochs):
            self.net.train()
            total = 0.0
            for x, y in self.train_loader:
                self.optimizer.zero_grad()
                loss = self.loss(self.net(x), y)
                loss.backward()
                nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
                self.optimizer.step()
                total += loss.item()
            print(f"epoch {epoch + 1:2d}  loss {total / len(self.train_loader):.4f}  acc {self.test():.4f}")

    @torch.no_grad()
    def test(self):
        self.net.eval()
        hits = sum((self.net(x).argmax(1) == y).sum().item() for x, y in self.test_loader)
        return hits / len(self.test_loader.dataset)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=12)
    args = ap.parse_args()
    torch.set_num_threads(1)
    runner = Runner(args)
    runner.train()
    print(f"test accuracy {runner.test():.4f}")
