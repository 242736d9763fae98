# truth: healthy
# task: GRU classifies periodic signals while 35 % of the training labels are random; the loss stays high, clean test accuracy does not
# after: https://github.com/cleanlab/cleanlab/issues/227 (model robust to noisy labels, test accuracy above train accuracy)
# metric: higher
import sys
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

FREQS = [2, 3, 5, 7]


class Signals(Dataset):
    def __init__(self, n, noise, rng):
        t = np.linspace(0, 1, 40)
        k = rng.integers(0, 4, n)
        ph = rng.uniform(0, 6.28, n)
        f = np.array(FREQS)[k]
        self.x = (np.sin(2 * np.pi * f[:, None] * t + ph[:, None]) + 0.3 * rng.normal(size=(n, 40))).astype("float32")
        self.y = np.where(rng.random(n) < noise, rng.integers(0, 4, n), k)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i][:, None], int(self.y[i])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 32, batch_first=True)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(32, 4)

    def forward(self, x):
        return self.fc(self.drop(self.gru(x)[0][:, -1]))


def main():
    seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    train = DataLoader(Signals(4000, 0.35, rng), batch_size=64, shuffle=True)
    test = DataLoader(Signals(1000, 0.0, rng), batch_size=500)
    model = Net()
    opt = torch.optim.Adam(model.parameters(), lr=4e-3)
    crit = nn.CrossEntropyLoss()
    for epoch in range(8):
        model.train()
        s = 0
        for x, y in train:
            opt.zero_grad()
            loss = crit(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            s += loss.item()
        print("epoch %d: loss %.4f" % (epoch + 1, s / len(train)))
    model.eval()
    with torch.no_grad():
        acc = np.mean([(model(x).argmax(1) == y).float().mean().item() for x, y in test])
    print("accuracy on clean test signals: %.4f" % acc)


main()
