# truth: faulty
# task: GRU routes support tickets of very different length by their keyword
# wrong: the last time step of the padded batch is taken as the state of the ticket, for most tickets this is after many pad steps
# accept: vanishing_gradient, not_learning
# after: https://github.com/thtrieu/qclass_dl/issues/1 and https://github.com/bentrevett/pytorch-sentiment-analysis/issues/86
# metric: higher
import argparse
import sys

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

FIXED = "--fixed" in sys.argv
TEAMS = 5


def make_tickets(n, rng):
    out = []
    for _ in range(n):
        long = rng.random() < 0.06
        L = int(rng.integers(80, 100)) if long else int(rng.integers(5, 15))
        words = rng.integers(20, 120, L)
        team = int(rng.integers(TEAMS))
        for p in rng.choice(L, 2, replace=False):
            words[p] = 1 + 3 * team + rng.integers(3)
        out.append((torch.from_numpy(words), team))
    return out


def collate(batch):
    seqs, labels = zip(*batch)
    lengths = torch.tensor([len(s) for s in seqs])
    return pad_sequence(seqs, batch_first=True, padding_value=0), lengths, torch.tensor(labels)


class Router(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(120, 32, padding_idx=0)
        self.gru = nn.GRU(32, 40, batch_first=True)
        self.classifier = nn.Linear(40, TEAMS)

    def forward(self, tokens, lengths):
        states, _ = self.gru(self.embedding(tokens))
        if FIXED:
            last = states[torch.arange(len(states)), lengths - 1]
        else:
            last = states[:, -1, :]
        return self.classifier(last)


def evaluate(model, loader):
    model.eval()
    n = c = 0
    with torch.no_grad():
        for tokens, lengths, y in loader:
            c += (model(tokens, lengths).argmax(1) == y).sum().item()
            n += len(y)
    return c / n


def main():
    parser = argparse.ArgumentParser(description="ticket routing")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train = DataLoader(make_tickets(2016, rng), batch_size=48, shuffle=True, collate_fn=collate)
    test = DataLoader(make_tickets(480, rng), batch_size=48, collate_fn=collate)
    model = Router()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(1, 6):
        model.train()
        total = 0
        for tokens, lengths, y in train:
            optimizer.zero_grad()
            loss = loss_fn(model(tokens, lengths), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch}: loss {total / len(train):.3f}")
    print(f"routing accuracy: {evaluate(model, test):.4f}")


main()
