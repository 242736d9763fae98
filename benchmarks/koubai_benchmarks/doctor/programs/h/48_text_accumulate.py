# truth: faulty
# task: predict the rating of short reviews (token sequences, regression), gradient accumulation over 8 micro-batches
# wrong: the losses of the accumulated micro-batches are summed, not averaged: the step is 8 times what was meant
# accept: gradients_summed, learning_rate_too_high
# after: https://github.com/karpathy/nanoGPT/issues/206
# metric: lower
import argparse
import random
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--seed", default=0, type=int)
parser.add_argument("--fixed", action="store_true")
parser.add_argument("--micro_batch", default=8, type=int)
parser.add_argument("--accum", default=8, type=int)
parser.add_argument("--lr", default=0.05, type=float)
parser.add_argument("--epochs", default=8, type=int)
args = parser.parse_args()

random.seed(args.seed)
np.random.seed(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

VOCAB, LENGTH = 150, 16
GOOD, BAD, NEGATE = range(1, 40), range(40, 79), range(79, 85)


def sentence():
    """Words with a polarity, a negation flips the word that follows it."""
    toks, score = [], 0
    while len(toks) < LENGTH:
        r = random.random()
        flip = 1
        if r < 0.12 and len(toks) < LENGTH - 1:
            toks.append(random.choice(NEGATE))
            flip = -1
            r = random.random() * 0.5
        if r < 0.25:
            toks.append(random.choice(GOOD)); score += flip
        elif r < 0.5:
            toks.append(random.choice(BAD)); score -= flip
        else:
            toks.append(random.randrange(85, VOCAB))
    return toks, score


def corpus(n):
    xs, ys = [], []
    while len(xs) < n:
        t, s = sentence()
        xs.append(t)
        ys.append(s / 2.0)
    return torch.tensor(xs), torch.tensor(ys)


class TextCNN(nn.Module):
    def __init__(self, dim=48, channels=48):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, dim)
        nn.init.normal_(self.emb.weight, std=0.3)
        self.conv2 = nn.Conv1d(dim, channels, 2)
        self.conv3 = nn.Conv1d(dim, channels, 3)
        self.fc = nn.Sequential(nn.Linear(2 * channels, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, t):
        e = self.emb(t).transpose(1, 2)
        h = torch.cat([F.relu(self.conv2(e)).sum(-1), F.relu(self.conv3(e)).sum(-1)], 1)
        return self.fc(h).squeeze(1)


train_x, train_y = corpus(3072)
test_x, test_y = corpus(1200)
model = TextCNN()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)


def error():
    model.eval()
    with torch.no_grad():
        total = sum((model(test_x[i:i + 400]) - test_y[i:i + 400]).abs().sum().item()
                    for i in range(0, len(test_x), 400))
    return 2.0 * total / len(test_x)


step = 0
optimizer.zero_grad()
for epoch in range(args.epochs):
    model.train()
    perm = torch.randperm(len(train_x))
    log = []
    for k, i in enumerate(range(0, len(perm), args.micro_batch)):
        rows = perm[i:i + args.micro_batch]
        loss = F.smooth_l1_loss(model(train_x[rows]), train_y[rows])
        log.append(loss.item())
        if args.fixed:
            loss = loss / args.accum
        loss.backward()
        if (k + 1) % args.accum == 0:
            optimizer.step()
            optimizer.zero_grad()
            step += 1
    print(f"epoch {epoch + 1} step {step} loss {np.mean(log):.4f} test error {error():.4f}")

print("spread of the ratings %.4f" % (2 * test_y.std()))
print("mean absolute error of the rating = %.4f" % error())
