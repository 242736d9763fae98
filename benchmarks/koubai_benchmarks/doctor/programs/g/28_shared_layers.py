# truth: healthy
# task: masked-token model (ALBERT-like: one layer used three times, tied output) on structured sequences
# after: https://arxiv.org/abs/1909.11942
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

VOCAB, MASK, LENGTH = 16, 16, 12


def sequences(n, rng):
    """second half repeats the first half, shifted by a number that depends on the first token"""
    half = rng.integers(0, VOCAB, (n, LENGTH // 2))
    shift = (half[:, :1] % 3)
    return torch.from_numpy(np.concatenate([half, (half + shift) % VOCAB], 1))


def corrupt(x):
    where = torch.rand(x.shape) < 0.2
    where[:, 0] = False
    where[torch.arange(len(x)), torch.randint(LENGTH // 2, LENGTH, (len(x),))] = True
    return x.masked_fill(where, MASK), where


class SharedEncoder(nn.Module):
    def __init__(self, d=64, repeats=3):
        super().__init__()
        self.repeats = repeats
        self.tokens = nn.Embedding(VOCAB + 1, d)
        self.positions = nn.Embedding(LENGTH, d)
        nn.init.normal_(self.tokens.weight, std=0.1)
        nn.init.normal_(self.positions.weight, std=0.1)
        self.layer = nn.TransformerEncoderLayer(d, 4, 128, dropout=0.0, activation="gelu", batch_first=True)
        self.norm = nn.LayerNorm(d)
        self.transform = nn.Sequential(nn.Linear(d, d), nn.GELU(), nn.LayerNorm(d))
        self.bias = nn.Parameter(torch.zeros(VOCAB))

    def forward(self, x):
        h = self.norm(self.tokens(x) + self.positions.weight)
        for _ in range(self.repeats):
            h = self.layer(h)
        return F.linear(self.transform(h), self.tokens.weight[:VOCAB], self.bias)


def second_half_accuracy(model, rng, n=400):
    model.eval()
    x = sequences(n, rng)
    spot = torch.randint(LENGTH // 2, LENGTH, (n,))
    broken = x.clone()
    broken[torch.arange(n), spot] = MASK
    with torch.no_grad():
        guess = model(broken)[torch.arange(n), spot].argmax(-1)
    return (guess == x[torch.arange(n), spot]).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=420)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--warmup", type=int, default=100)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    model = SharedEncoder()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.peak, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / args.warmup, max(0.05, 1 - (s - args.warmup) / (args.steps - args.warmup))))
    for step in range(args.steps):
        model.train()
        x = sequences(48, rng)
        broken, where = corrupt(x)
        loss = F.cross_entropy(model(broken)[where], x[where])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % 100 == 0:
            print(f"step {step} lr {scheduler.get_last_lr()[0]:.1e} loss {loss.item():.4f}")
    print(f"accuracy of masked tokens in the second half {second_half_accuracy(model, rng):.4f}")


if __name__ == "__main__":
    main()
