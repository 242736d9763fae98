# truth: faulty
# task: tell which of six gestures a short multichannel sensor recording starts with (conv front end + LSTM)
# wrong: features are permuted to (time, batch, channels) but the LSTM is built with batch_first=True, so it runs along the batch instead of along time
# accept: answers_depend_on_batch, not_learning
# after: https://discuss.pytorch.org/t/lstm-change-batch-first-true-loss-does-not-decrease/62364
# metric: higher
import argparse
import sys

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

FIXED = "--fixed" in sys.argv
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

T, C, N_CLASS = 24, 4, 6


def make_recordings(n, rng, templates):
    y = rng.integers(0, N_CLASS, n)
    x = 0.5 * rng.standard_normal((n, C, T))
    for i in range(n):
        start = rng.integers(0, 8)
        x[i, :, start:start + 8] += templates[y[i]]
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


class CRNN(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.cnn = nn.Sequential(
            nn.Conv1d(C, 32, 3, padding=1),
            nn.ReLU(True),
            nn.Conv1d(32, 32, 3, padding=1),
            nn.BatchNorm1d(32),
            nn.ReLU(True),
            nn.MaxPool1d(2),
        )
        self.rnn = nn.LSTM(32, hidden, batch_first=not FIXED)
        self.embedding = nn.Linear(hidden, N_CLASS)

    def forward(self, x):
        feat = self.cnn(x)                 # [b, c, w]
        feat = feat.permute(2, 0, 1)       # [w, b, c]
        out, _ = self.rnn(feat)
        return self.embedding(out[-1])


rng = np.random.default_rng(args.seed)
templates = rng.standard_normal((N_CLASS, C, 8))
x_train, y_train = make_recordings(1600, rng, templates)
x_test, y_test = make_recordings(600, rng, templates)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
test_loader = DataLoader(TensorDataset(x_test, y_test), batch_size=32)

model = CRNN()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(8):
    model.train()
    running = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(yb)
    print(f"[epoch {epoch + 1}] loss {running / len(x_train):.4f}")

model.eval()
hits = 0
with torch.no_grad():
    for xb, yb in test_loader:
        hits += (model(xb).argmax(1) == yb).sum().item()
print("test accuracy:", round(hits / len(y_test), 4))
