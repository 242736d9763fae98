# truth: faulty
# task: CTC recogniser that reads strips of three to five digits (sklearn digits glued together)
# wrong: CTCLoss gets softmax probabilities in place of log-probabilities
# accept: output_loss_mismatch
# after: https://github.com/SeanNaren/deepspeech.pytorch/issues/488
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

BLANK = 0
WIDTH = 44


class Strips:
    def __init__(self, images, labels, rng):
        self.images, self.labels, self.rng = images, labels, rng

    def batch(self, n):
        x = np.zeros((n, 1, 8, WIDTH), dtype=np.float32)
        targets, lengths = [], []
        for i in range(n):
            k = self.rng.integers(3, 6)
            at = self.rng.integers(0, WIDTH - 8 * k + 1)
            for j in range(k):
                pick = self.rng.integers(len(self.labels))
                x[i, 0, :, at + 8 * j:at + 8 * j + 8] = self.images[pick] / 16
                targets.append(int(self.labels[pick]) + 1)
            lengths.append(int(k))
        return torch.from_numpy(x), torch.tensor(targets), torch.tensor(lengths)


class Recogniser(nn.Module):
    def __init__(self, fixed):
        super().__init__()
        self.fixed = fixed
        self.cnn = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d((2, 1)))
        self.rnn = nn.GRU(64, 48, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(96, 11)

    def forward(self, x):
        h = self.cnn(x)
        b, c, rows, t = h.shape
        h = h.permute(0, 3, 1, 2).reshape(b, t, c * rows)
        logits = self.fc(self.rnn(h)[0]).transpose(0, 1)
        return F.log_softmax(logits, dim=2) if self.fixed else F.softmax(logits, dim=2)


def decode(path):
    out, last = [], BLANK
    for c in path:
        if c != last and c != BLANK:
            out.append(c)
        last = c
    return out


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        prev, row[0] = row[0], i
        for j, cb in enumerate(b, 1):
            prev, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, prev + (ca != cb))
    return row[-1]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    p.add_argument("--steps", type=int, default=430)
    args = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    d = load_digits()
    train, test = Strips(d.images[:1300], d.target[:1300], rng), Strips(d.images[1300:], d.target[1300:], rng)
    model = Recogniser(args.fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    ctc = nn.CTCLoss(blank=BLANK, zero_infinity=True)
    for step in range(args.steps):
        x, y, lengths = train.batch(24)
        out = model(x)
        loss = ctc(out, y, torch.full((len(x),), out.size(0)), lengths)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        if step % 60 == 0:
            print("step", step, "ctc loss", round(loss.item(), 4))
    model.eval()
    wrong = total = 0
    with torch.no_grad():
        x, y, lengths = test.batch(200)
        paths = model(x).argmax(2).t().tolist()
    for path, truth in zip(paths, y.split(lengths.tolist())):
        wrong += edit_distance(decode(path), truth.tolist())
        total += len(truth)
    print("character accuracy", round(1 - wrong / total, 4))


if __name__ == "__main__":
    main()
