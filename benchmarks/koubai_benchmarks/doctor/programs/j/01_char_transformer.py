# truth: faulty
# task: a small character transformer learns made-up text and continues a prefix
# wrong: the encoder is run without a causal mask, so each position attends to the very character that it has to predict
# accept: future_seen
# after: https://github.com/pytorch/tutorials/pull/2662
# metric: higher
import argparse
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


def make_text(rng, n_words):
    syl = [c + v for c in "bdfgklmnprst" for v in "aeiou"]
    lexicon = ["".join(rng.choice(syl) for _ in range(rng.randint(2, 3))) for _ in range(40)]
    follow = {w: rng.sample(lexicon, 4) for w in lexicon}
    w, out = lexicon[0], []
    for _ in range(n_words):
        out.append(w)
        w = rng.choice(follow[w])
    return " ".join(out)


class CharTransformer(nn.Module):
    def __init__(self, vocab, d=48, heads=4, layers=2, max_len=64, causal=False):
        super().__init__()
        self.causal = causal
        self.tok = nn.Embedding(vocab, d)
        self.pos = nn.Embedding(max_len, d)
        block = nn.TransformerEncoderLayer(d, heads, 4 * d, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, vocab)

    def forward(self, idx):
        t = idx.size(1)
        x = self.tok(idx) + self.pos(torch.arange(t))
        mask = None
        if self.causal:
            mask = nn.Transformer.generate_square_subsequent_mask(t)
        return self.head(self.norm(self.blocks(x, mask=mask)))


def get_batch(data, block, n):
    ix = torch.randint(len(data) - block - 1, (n,))
    x = torch.stack([data[i:i + block] for i in ix])
    y = torch.stack([data[i + 1:i + block + 1] for i in ix])
    return x, y


@torch.no_grad()
def continuation_accuracy(model, data, n=1200):
    model.eval()
    hit = total = 0
    for k in (12, 18, 24, 30):
        ix = torch.randint(len(data) - k - 1, (n // 4,))
        prefix = torch.stack([data[i:i + k] for i in ix])
        nxt = torch.stack([data[i + k] for i in ix])
        hit += (model(prefix)[:, -1].argmax(-1) == nxt).sum().item()
        total += len(nxt)
    model.train()
    return hit / total


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    p.add_argument("--steps", type=int, default=260)
    p.add_argument("--block", type=int, default=32)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    text = make_text(random.Random(args.seed), 9000)
    chars = sorted(set(text))
    stoi = {c: i for i, c in enumerate(chars)}
    ids = torch.tensor([stoi[c] for c in text])
    cut = int(0.9 * len(ids))
    train, held = ids[:cut], ids[cut:]

    model = CharTransformer(len(chars), causal=args.fixed)
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    for step in range(args.steps):
        x, y = get_batch(train, args.block, 16)
        logits = model(x)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        if step % 50 == 0:
            print(f"step {step:4d}  loss {loss.item():.4f}")
    print(f"accuracy of the next character after a prefix: {continuation_accuracy(model, held):.4f}")


if __name__ == "__main__":
    main()
