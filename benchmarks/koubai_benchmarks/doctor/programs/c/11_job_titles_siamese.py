# truth: faulty
# task: siamese character GRU that tells whether two noisy spellings are of the same name
# wrong: the pair label is 1 for "same" but the contrastive formula is written for 1 = "different", so same names are pushed apart and different ones pulled together
# accept: labels_wrong, representations_alike, wrong_gradient
# after: https://datascience.stackexchange.com/questions/45629/contrastive-loss-problem-in-a-character-level-siamese-nn-model
# metric: higher
import random
import sys

import numpy as np
import torch
import torch.nn as nn

FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)
torch.set_num_threads(1)

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
MAXLEN = 10


def make_name():
    return "".join(random.choice(ALPHABET) for _ in range(random.randint(6, 8)))


def spell(name):
    s = list(name)
    for _ in range(random.randint(0, 2)):
        k = random.randrange(len(s))
        action = random.random()
        if action < 0.5:
            s[k] = random.choice(ALPHABET)
        elif action < 0.75 and len(s) < MAXLEN:
            s.insert(k, random.choice(ALPHABET))
        elif len(s) > 4:
            del s[k]
    return "".join(s)


def encode(s):
    ids = [ALPHABET.index(c) + 1 for c in s][:MAXLEN]
    return ids + [0] * (MAXLEN - len(ids))


def pairs(names, n):
    a, b, same = [], [], []
    for _ in range(n):
        first = random.choice(names)
        match = random.random() < 0.5
        second = first if match else random.choice([m for m in random.sample(names, 3) if m != first])
        a.append(encode(spell(first)))
        b.append(encode(spell(second)))
        same.append(float(match))
    return torch.tensor(a), torch.tensor(b), torch.tensor(same)


class Encoder(nn.Module):
    def __init__(self, emb=16, hidden=32, out=16):
        super().__init__()
        self.emb = nn.Embedding(len(ALPHABET) + 1, emb, padding_idx=0)
        self.gru = nn.GRU(emb, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, out)

    def forward(self, ids):
        h, _ = self.gru(self.emb(ids))
        return self.fc(h.mean(1))


def contrastive_loss(d, label, margin=2.0):
    if FIXED:
        label = 1 - label
    return ((1 - label) * d.pow(2) + label * (margin - d).clamp(min=0).pow(2)).mean()


names = [make_name() for _ in range(400)]
new_names = [make_name() for _ in range(150)]
a_te, b_te, same_te = pairs(new_names, 1000)

net = Encoder()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
avg = None
for step in range(1, 401):
    a, b, same = pairs(names, 48)
    d = (net(a) - net(b)).pow(2).sum(1).add(1e-6).sqrt()
    loss = contrastive_loss(d, same)
    opt.zero_grad()
    loss.backward()
    opt.step()
    avg = loss.item() if avg is None else 0.95 * avg + 0.05 * loss.item()
    if step % 80 == 0:
        print(f"step {step} contrastive loss {avg:.4f}")

with torch.no_grad():
    d = (net(a_te) - net(b_te)).pow(2).sum(1).sqrt()
same_guess = (d < 1.0).float()     # half the margin
print("mean distance same %.3f, different %.3f" % (d[same_te == 1].mean(), d[same_te == 0].mean()))
print("accuracy on unseen names: %.4f" % (same_guess == same_te).float().mean())
