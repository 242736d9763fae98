# truth: faulty
# task: a bidirectional LSTM tags the words of made-up sentences with parts of speech
# wrong: the LSTM is built without batch_first although the batches are (batch, time, feature), so it runs along the batch and mixes the sentences
# accept: answers_depend_on_batch
# after: https://github.com/AndersonJo/dqn-pytorch/issues/1
# metric: higher
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
TAGS = ["DET", "ADJ", "NOUN", "VERB", "ADV", "PREP"]
NEXT = np.array([
    [0.00, 0.35, 0.65, 0.00, 0.00, 0.00],
    [0.00, 0.15, 0.85, 0.00, 0.00, 0.00],
    [0.00, 0.00, 0.00, 0.65, 0.05, 0.30],
    [0.50, 0.05, 0.00, 0.00, 0.25, 0.20],
    [0.35, 0.15, 0.00, 0.20, 0.00, 0.30],
    [0.75, 0.10, 0.15, 0.00, 0.00, 0.00],
])


class Language:
    def __init__(self, rng, words=150):
        self.words = words
        emit = np.zeros((6, words))
        emit[0, :6], emit[5, 6:16] = 1.0, 1.0
        for w in range(16, words):
            pair = rng.choice([1, 2, 3, 4], size=2, replace=False)
            emit[pair[0], w] = rng.uniform(0.5, 1.5)
            emit[pair[1], w] = rng.uniform(0.5, 1.5)
        self.emit = emit / emit.sum(1, keepdims=True)

    def corpus(self, rng, n, length=12):
        xs = np.zeros((n, length), dtype=np.int64)
        ys = np.zeros((n, length), dtype=np.int64)
        for i in range(n):
            tag = rng.choice([0, 1, 2], p=[0.6, 0.2, 0.2])
            for t in range(length):
                xs[i, t] = rng.choice(self.words, p=self.emit[tag])
                ys[i, t] = tag
                tag = rng.choice(6, p=NEXT[tag])
        return TensorDataset(torch.from_numpy(xs), torch.from_numpy(ys))


class Tagger(nn.Module):
    def __init__(self, vocab, emb_dim, hidden, **lstm_options):
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab, emb_dim)
        self.lstm = nn.LSTM(emb_dim, hidden, bidirectional=True, **lstm_options)
        self.hidden2tag = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, sentences):
        out, _ = self.lstm(self.word_embeddings(sentences))
        return self.hidden2tag(out)


def evaluate(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(-1) == y).sum().item()
            total += y.numel()
    return right / total


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=5)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    lang = Language(rng)
    train = DataLoader(lang.corpus(rng, 900), batch_size=25, shuffle=True)
    test = DataLoader(lang.corpus(rng, 300), batch_size=25)
    options = {"batch_first": True} if args.fixed else {}
    model = Tagger(lang.words, 32, 32, **options)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for x, y in train:
            model.zero_grad()
            loss = F.cross_entropy(model(x).view(-1, len(TAGS)), y.view(-1))
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch} loss {total / len(train):.4f}")
    print(f"tag accuracy on new sentences {evaluate(model, test):.4f}")
