# truth: healthy
# task: a small encoder-decoder transformer sorts digits; warm-up with the inverse square root, label smoothing, one shared embedding
# after: https://nlp.seas.harvard.edu/2018/04/03/attention.html
# metric: higher
import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
BOS, SYMBOLS, LENGTH = 16, 17, 7


def batch(n):
    x = torch.randint(0, 16, (n, LENGTH))
    y = x.sort(1).values
    start = torch.full((n, 1), BOS)
    return x, torch.cat([start, y[:, :-1]], 1), y


def attend(q, k, v, heads, bias=None):
    b, t, d = q.shape
    q, k, v = (z.view(b, -1, heads, d // heads).transpose(1, 2) for z in (q, k, v))
    score = q @ k.transpose(-1, -2) / math.sqrt(d // heads)
    if bias is not None:
        score = score + bias
    return (score.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d)


class Attention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))

    def forward(self, x, mem, bias=None):
        return self.o(attend(self.q(x), self.k(mem), self.v(mem), self.heads, bias))


class Layer(nn.Module):
    def __init__(self, d, heads, cross):
        super().__init__()
        self.self_attn = Attention(d, heads)
        self.cross = Attention(d, heads) if cross else None
        self.ff = nn.Sequential(nn.Linear(d, 3 * d), nn.ReLU(), nn.Linear(3 * d, d))
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(3))

    def forward(self, x, mem=None, bias=None):
        h = self.norms[0](x)
        x = x + self.self_attn(h, h, bias)
        if self.cross is not None:
            x = x + self.cross(self.norms[1](x), mem)
        return x + self.ff(self.norms[2](x))


class Sorter(nn.Module):
    def __init__(self, d=48, heads=4):
        super().__init__()
        self.table = nn.Parameter(torch.randn(SYMBOLS, d) / math.sqrt(d))
        self.place = nn.Parameter(0.1 * torch.randn(LENGTH, d))
        self.enc = Layer(d, heads, cross=False)
        self.dec = Layer(d, heads, cross=True)
        self.norm = nn.LayerNorm(d)
        self.scale = math.sqrt(d)
        self.register_buffer("past_only", torch.full((LENGTH, LENGTH), -1e9).triu(1))

    def embed(self, ids):
        return self.table[ids] * self.scale + self.place[: ids.size(1)]

    def forward(self, src, tgt):
        mem = self.enc(self.embed(src))
        t = tgt.size(1)
        return self.norm(self.dec(self.embed(tgt), mem, self.past_only[:t, :t])) @ self.table.T


def greedy(model, src):
    out = torch.full((len(src), 1), BOS)
    for _ in range(LENGTH):
        out = torch.cat([out, model(src, out)[:, -1:].argmax(-1)], 1)
    return out[:, 1:]


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--steps", type=int, default=360)
    ap.add_argument("--warmup", type=int, default=100)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    model = Sorter()
    opt = torch.optim.Adam(model.parameters(), lr=4e-3, betas=(0.9, 0.98), eps=1e-9)
    rate = torch.optim.lr_scheduler.LambdaLR(
        opt, lambda s: min((s + 1) / args.warmup, math.sqrt(args.warmup / (s + 1))))
    for step in range(args.steps):
        src, inp, out = batch(48)
        loss = F.cross_entropy(model(src, inp).flatten(0, 1), out.flatten(), label_smoothing=0.1)
        opt.zero_grad()
        loss.backward()
        opt.step()
        rate.step()
        if step % 60 == 0:
            print(f"step {step} loss {loss.item():.3f} rate {rate.get_last_lr()[0]:.2e}")
    with torch.no_grad():
        src, _, out = batch(400)
        print(f"digits in the right place, greedy decoding: {(greedy(model, src) == out).float().mean().item():.4f}")
