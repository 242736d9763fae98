# truth: faulty
# task: temporal convolutional network that predicts the next symbol of a sequence made by a noisy finite machine
# wrong: the convolutions are padded on both sides and never chomped, so each output sees the symbol it must predict
# accept: future_seen
# after: https://github.com/locuslab/TCN/issues/12
# metric: higher
import argparse
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

FIXED = "--fixed" in sys.argv
VOCAB = 12


class Machine:
    """The next symbol depends on the last one and on the one three steps back."""

    def __init__(self, rng):
        self.table = rng.integers(0, VOCAB, (VOCAB, VOCAB))
        self.rng = rng

    def write(self, n, length):
        out = self.rng.integers(0, VOCAB, (n, length))
        for t in range(3, length):
            sure = self.rng.random(n) < 0.85
            nxt = self.table[out[:, t - 1], out[:, t - 3]]
            out[:, t] = np.where(sure, nxt, out[:, t])
        return torch.tensor(out)


class TemporalBlock(nn.Module):
    def __init__(self, n_in, n_out, kernel_size, dilation):
        super().__init__()
        self.left = (kernel_size - 1) * dilation
        self.conv = nn.Conv1d(n_in, n_out, kernel_size, dilation=dilation)
        self.down = nn.Conv1d(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x):
        if FIXED:
            padded = F.pad(x, (self.left, 0))
        else:
            padded = F.pad(x, (self.left // 2, self.left - self.left // 2))
        return F.relu(self.conv(padded) + self.down(x))


class TCN(nn.Module):
    def __init__(self, emb=24, channels=(64, 64)):
        super().__init__()
        self.encoder = nn.Embedding(VOCAB, emb)
        layers, c = [], emb
        for i, width in enumerate(channels):
            layers.append(TemporalBlock(c, width, 3, 2 ** i))
            c = width
        self.tcn = nn.Sequential(*layers)
        self.decoder = nn.Linear(c, VOCAB)

    def forward(self, ids):
        return self.decoder(self.tcn(self.encoder(ids).transpose(1, 2)).transpose(1, 2))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    machine = Machine(np.random.default_rng(args.seed))
    train = machine.write(1200, 33)
    test = machine.write(1500, 21)

    net = TCN()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(10):
        seen = 0.0
        batches = train[torch.randperm(len(train))].split(32)
        for batch in batches:
            logits = net(batch[:, :-1])
            loss = F.cross_entropy(logits.reshape(-1, VOCAB), batch[:, 1:].reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            seen += loss.item()
        print(f"epoch {epoch + 1:2d} | loss {seen / len(batches):.4f}")

    net.eval()
    with torch.no_grad():
        guess = net(test[:, :-1])[:, -1].argmax(1)
    print("next symbol accuracy after a prefix:", round((guess == test[:, -1]).float().mean().item(), 4))


main()
