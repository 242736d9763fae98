# truth: faulty
# task: predict a standardized property of letter sequences with a bidirectional LSTM
# wrong: a ReLU behind the last linear layer: negative targets are out of reach and outputs can die
# accept: output_range, dead_units, output_loss_mismatch
# after: https://github.com/ProteomicsML/ProteomicsML/pull/203
# metric: lower
import sys

import numpy as np
import torch
from torch import nn

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
rng = np.random.default_rng(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

ALPHABET = "ACDEFGHIKLMNPQRSTVWY"
SIZES = rng.uniform(0.5, 2.0, size=len(ALPHABET))
CHARGE = rng.choice([0.0, 1.0], size=len(ALPHABET), p=[0.85, 0.15])


def property_of(codes):
    return SIZES[codes].sum() + 2.0 * CHARGE[codes][:3].sum() - 1.5 * CHARGE[codes][-3:].sum()


def make_set(n, length=12):
    codes = rng.integers(0, len(ALPHABET), size=(n, length))
    values = np.array([property_of(c) for c in codes])
    return torch.as_tensor(codes), torch.as_tensor(values, dtype=torch.float32)


class PeptideLSTM(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(len(ALPHABET), 16)
        self.lstm = nn.LSTM(16, hidden, bidirectional=True, batch_first=True)
        self.fc1 = nn.Linear(2 * hidden, 32)
        self.fc2 = nn.Linear(32, 1)

    def forward(self, codes):
        out, _ = self.lstm(self.embedding(codes))
        x = torch.relu(self.fc1(out.mean(dim=1)))
        x = self.fc2(x)
        if not FIXED:
            x = torch.relu(x)
        return x.squeeze(1)


x_train, y_train = make_set(2000)
x_val, y_val = make_set(500)
mean, std = y_train.mean(), y_train.std()
y_train, y_val = (y_train - mean) / std, (y_val - mean) / std

model = PeptideLSTM()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
loss_fn = nn.MSELoss()
for epoch in range(1, 13):
    model.train()
    train_loss = 0.0
    for idx in torch.randperm(len(x_train)).split(64):
        optimizer.zero_grad()
        loss = loss_fn(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(idx) / len(x_train)
    model.eval()
    with torch.no_grad():
        val_loss = loss_fn(model(x_val), y_val).item()
    print(f"Epoch {epoch}: train {train_loss:.4f} val {val_loss:.4f}")
