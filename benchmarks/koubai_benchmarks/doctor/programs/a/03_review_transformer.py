# truth: faulty
# task: transformer encoder decides which of two "sentiment" token groups is the majority in padded reviews
# wrong: src_key_padding_mask is True on the real tokens, so only the padding is attended to
# accept: none
# after: https://github.com/pytorch/pytorch/pull/39321 (True means masked out) and https://github.com/earthspecies/avex/pull/26
# metric: higher
import math
import sys
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

FIXED = "--fixed" in sys.argv
PAD, CLS = 0, 1
VOCAB, MAXLEN = 60, 24


def set_seed(s):
    random.seed(s)
    torch.manual_seed(s)


def make_review():
    n = random.randrange(6, MAXLEN - 3)
    label = random.randint(0, 1)
    k = random.choice([3, 5])
    words = []
    for j in range(k):
        good = label if j <= k // 2 else 1 - label
        words.append(random.randrange(2, 12) if good else random.randrange(12, 22))
    words += [random.randrange(22, VOCAB) for _ in range(n - k)]
    random.shuffle(words)
    ids = [CLS] + words
    return ids + [PAD] * (MAXLEN - len(ids)), label


def make_split(n):
    rows = [make_review() for _ in range(n)]
    return torch.tensor([r[0] for r in rows]), torch.tensor([r[1] for r in rows])


class PositionalEncoding(nn.Module):
    def __init__(self, d, maxlen=64):
        super().__init__()
        pos = torch.arange(maxlen).unsqueeze(1)
        div = torch.exp(torch.arange(0, d, 2) * (-math.log(10000.0) / d))
        pe = torch.zeros(maxlen, d)
        pe[:, 0::2], pe[:, 1::2] = torch.sin(pos * div), torch.cos(pos * div)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + 0.3 * self.pe[: x.size(1)]


class ReviewModel(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, d)
        self.pos = PositionalEncoding(d)
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.cls = nn.Linear(d, 2)

    def forward(self, ids):
        mask = (ids == PAD) if FIXED else (ids != PAD)
        h = self.encoder(self.pos(self.emb(ids)), src_key_padding_mask=mask)
        return self.cls(h[:, 0])


def run(seed=0, epochs=10, batch=50):
    set_seed(seed)
    xtr, ytr = make_split(2000)
    xte, yte = make_split(600)
    model = ReviewModel()
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for ep in range(epochs):
        model.train()
        order = torch.randperm(len(xtr))
        hist = []
        for b in order.split(batch):
            loss = F.cross_entropy(model(xtr[b]), ytr[b])
            opt.zero_grad()
            loss.backward()
            opt.step()
            hist.append(loss.item())
        model.eval()
        with torch.no_grad():
            acc = (model(xte).argmax(-1) == yte).float().mean().item()
        print(f"[{ep + 1}/{epochs}] loss={sum(hist) / len(hist):.3f} val_acc={acc:.3f}")
    print("accuracy on held-out reviews:", round(acc, 4))


if __name__ == "__main__":
    seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
    run(seed)
