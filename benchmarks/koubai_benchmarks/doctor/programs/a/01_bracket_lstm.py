# truth: faulty
# task: LSTM classifies token sequences by which of two marker tokens comes first
# wrong: the LSTM is built without batch_first, so it recurs over the samples of the batch instead of over time
# accept: answers_depend_on_batch, not_learning, under_fitting
# after: https://discuss.pytorch.org/t/lstm-change-batch-first-true-loss-does-not-decrease/62364
# metric: higher
import argparse
import sys

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

FIXED = "--fixed" in sys.argv


class MarkerDataset(Dataset):
    """Strings of noise tokens with an A and a B somewhere; label = is A before B."""

    A, B, VOCAB = 1, 2, 20

    def __init__(self, n, length, rng):
        self.x = rng.integers(3, self.VOCAB, size=(n, length))
        self.y = rng.integers(0, 2, size=n)
        for i in range(n):
            p, q = sorted(rng.choice(length - 1, size=2, replace=False))
            first, second = (self.A, self.B) if self.y[i] else (self.B, self.A)
            self.x[i, p], self.x[i, q] = first, second

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return torch.as_tensor(self.x[i]), torch.tensor(self.y[i])


class SeqClassifier(nn.Module):
    def __init__(self, vocab, emb=24, hidden=48):
        super().__init__()
        self.embed = nn.Embedding(vocab, emb)
        if FIXED:
            self.rnn = nn.LSTM(emb, hidden, batch_first=True)
        else:
            self.rnn = nn.LSTM(emb, hidden)
        self.out = nn.Linear(hidden, 2)

    def forward(self, tokens):
        h, _ = self.rnn(self.embed(tokens))
        return self.out(h[:, -1])


def accuracy(model, loader):
    model.eval()
    good = total = 0
    with torch.no_grad():
        for x, y in loader:
            good += (model(x).argmax(1) == y).sum().item()
            total += len(y)
    return good / total


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=14)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    train = DataLoader(MarkerDataset(3000, 16, rng), batch_size=32, shuffle=True)
    test = DataLoader(MarkerDataset(800, 16, rng), batch_size=32)
    model = SeqClassifier(MarkerDataset.VOCAB)
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()

    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for x, y in train:
            opt.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            opt.step()
            running += loss.item() * len(y)
        print(f"epoch {epoch:2d}  loss {running / len(train.dataset):.4f}  test acc {accuracy(model, test):.3f}")
    print(f"final test accuracy {accuracy(model, test):.4f}")


if __name__ == "__main__":
    main()
