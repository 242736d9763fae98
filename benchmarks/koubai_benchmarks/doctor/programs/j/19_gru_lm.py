# truth: faulty
# task: a GRU language model over made-up music notes predicts the next note
# wrong: the data set shifts the labels by one and the model shifts them again inside, so it learns the note after the next
# accept: none
# after: https://github.com/huggingface/transformers/pull/44642
# metric: higher
import argparse
from typing import Optional

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
NOTES = 24


def compose(rng, bars):
    phrases = [rng.integers(0, NOTES, size=rng.integers(4, 8)) for _ in range(14)]
    followers = [rng.choice(14, size=3, replace=False) for _ in range(14)]
    out, cur = [], 0
    for _ in range(bars):
        phrase = phrases[cur].copy()
        if rng.random() < 0.15:
            phrase[rng.integers(len(phrase))] = rng.integers(NOTES)
        out.extend(phrase.tolist())
        cur = int(rng.choice(followers[cur]))
    return torch.tensor(out)


class Windows(Dataset):
    def __init__(self, notes, length=24, shifted=True):
        self.notes, self.length, self.shifted = notes, length, shifted

    def __len__(self):
        return (len(self.notes) - 1) // self.length

    def __getitem__(self, i):
        a = i * self.length
        chunk = self.notes[a:a + self.length + 1]
        if self.shifted:
            return {"input_ids": chunk[:-1], "labels": chunk[1:]}
        return {"input_ids": chunk[:-1], "labels": chunk[:-1]}


class RecurrentLM(nn.Module):
    """Returns logits and, if labels are given, the loss."""

    def __init__(self, vocab, emb=32, hidden=80):
        super().__init__()
        self.embed = nn.Embedding(vocab, emb)
        self.rnn = nn.GRU(emb, hidden, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.lm_head = nn.Linear(hidden, vocab)

    def forward(self, input_ids, labels: Optional[torch.Tensor] = None):
        h, _ = self.rnn(self.drop(self.embed(input_ids)))
        logits = self.lm_head(self.drop(h))
        loss = None
        if labels is not None:
            shift_logits = logits[:, :-1].reshape(-1, logits.size(-1))
            shift_labels = labels[:, 1:].reshape(-1)
            loss = F.cross_entropy(shift_logits, shift_labels)
        return loss, logits


@torch.no_grad()
def next_note_accuracy(model, notes, length=24):
    model.eval()
    usable = (len(notes) - 1) // length * length
    x = notes[:usable].view(-1, length)
    y = notes[1:usable + 1].view(-1, length)
    _, logits = model(x)
    return (logits.argmax(-1) == y)[:, 4:].float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=5)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    notes = compose(rng, 4200)
    cut = int(0.85 * len(notes))
    loader = DataLoader(Windows(notes[:cut], shifted=not args.fixed), batch_size=16, shuffle=True)
    model = RecurrentLM(NOTES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for batch in loader:
            loss, _ = model(**batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}")
    print(f"next-note accuracy on the held-out piece: {next_note_accuracy(model, notes[cut:]):.4f}")


if __name__ == "__main__":
    main()
