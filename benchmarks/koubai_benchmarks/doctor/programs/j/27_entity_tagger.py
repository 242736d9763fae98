# truth: healthy
# task: entity tagging with nine tenths of the tokens outside; weighted loss, short sentences first, masked padding
# after: https://arxiv.org/abs/1508.01991
# metric: higher
import argparse
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import f1_score
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

torch.set_num_threads(1)
COMMON = list(range(1, 121))
CUES = {1: [121, 122, 123], 2: [124, 125, 126], 3: [127, 128]}
NAMES = list(range(129, 190))
VOCAB, IGNORE = 190, -1


def sentence(rng):
    n = rng.randint(5, 26)
    words, tags = [rng.choice(COMMON) for _ in range(n)], [0] * n
    for i in range(n):
        if rng.random() < 0.08:
            words[i] = rng.choice(NAMES)
    for _ in range(1 + n // 12):
        kind = rng.choices([1, 2, 3], weights=[6, 3, 1])[0]
        i = rng.randrange(n - 2)
        words[i] = rng.choice(CUES[kind])
        tags[i] = 0
        for j in range(i + 1, min(n, i + 1 + rng.randint(1, 2))):
            words[j], tags[j] = rng.choice(NAMES), kind
    return torch.tensor(words), torch.tensor(tags)


def pack(items):
    xs, ys = zip(*items)
    lengths = torch.tensor([len(x) for x in xs])
    return pad_sequence(xs, batch_first=True), pad_sequence(ys, batch_first=True, padding_value=IGNORE), lengths


class EntityTagger(nn.Module):
    def __init__(self, dim=32, hidden=40):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, dim, padding_idx=0)
        self.lstm = nn.LSTM(dim, hidden, bidirectional=True, batch_first=True)
        self.out = nn.Linear(2 * hidden, 4)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(self.emb(x), lengths, batch_first=True, enforce_sorted=False)
        h, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.out(h)


def curriculum(items, epoch, rng, size=24):
    items = sorted(items, key=lambda it: len(it[0]))
    share = min(1.0, 0.4 + 0.3 * epoch)
    items = items[: int(share * len(items))]
    batches = [items[i:i + size] for i in range(0, len(items), size)]
    if epoch > 0:
        rng.shuffle(batches)
    return [pack(b) for b in batches]


@torch.no_grad()
def macro_f1(model, items):
    model.eval()
    x, y, lengths = pack(items)
    pred, keep = model(x, lengths).argmax(-1), y != IGNORE
    return f1_score(y[keep].numpy(), pred[keep].numpy(), average="macro", labels=[1, 2, 3], zero_division=0)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=6)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    train, test = [sentence(rng) for _ in range(900)], [sentence(rng) for _ in range(300)]
    counts = torch.bincount(torch.cat([y for _, y in train]), minlength=4).float()
    weight = (counts.sum() / counts).sqrt()
    print("tokens of each tag:", counts.int().tolist(), "weights:", [round(w, 2) for w in weight.tolist()])
    model = EntityTagger()
    opt = torch.optim.Adam(model.parameters(), lr=4e-3)
    for epoch in range(args.epochs):
        model.train()
        total, batches = 0.0, curriculum(train, epoch, rng)
        for x, y, lengths in batches:
            loss = F.cross_entropy(model(x, lengths).flatten(0, 1), y.flatten(), weight=weight, ignore_index=IGNORE)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            total += loss.item()
        print(f"epoch {epoch} batches {len(batches)} loss {total / len(batches):.4f}")
    print(f"macro f1 of the entity tags on new sentences {macro_f1(model, test):.4f}")


if __name__ == "__main__":
    main()
