# truth: faulty
# task: word-level language model (three layers, tied embeddings) on a synthetic grammar
# wrong: all weights and the tied embedding start from N(0, 1) (normal_ without its std), so the first logits are huge
# accept: init_too_large
# after: https://github.com/syncdoth/RetNet/issues/31
# metric: lower
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


@dataclass
class Config:
    vocab: int = 120
    ctx: int = 24
    width: int = 128
    heads: int = 4
    depth: int = 3
    lr: float = 6e-4
    steps: int = 220
    batch: int = 16
    seed: int = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
    fixed: bool = "--fixed" in sys.argv


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.n1 = nn.LayerNorm(c.width)
        self.attn = nn.MultiheadAttention(c.width, c.heads, batch_first=True)
        self.n2 = nn.LayerNorm(c.width)
        self.ff = nn.Sequential(nn.Linear(c.width, 2 * c.width), nn.GELU(), nn.Linear(2 * c.width, c.width))

    def forward(self, x, mask):
        h = self.n1(x)
        x = x + self.attn(h, h, h, attn_mask=mask, need_weights=False)[0]
        return x + self.ff(self.n2(x))


class LM(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.wte = nn.Embedding(c.vocab, c.width)
        self.wpe = nn.Parameter(torch.zeros(c.ctx, c.width))
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.depth))
        self.norm = nn.LayerNorm(c.width)
        self.head = nn.Linear(c.width, c.vocab, bias=False)
        self.head.weight = self.wte.weight
        self.std = 0.02 if c.fixed else 1.0
        self.apply(self.init_weights)
        self.register_buffer("mask", torch.triu(torch.full((c.ctx, c.ctx), float("-inf")), 1))

    def init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=self.std)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, idx):
        t = idx.size(1)
        x = self.wte(idx) + self.wpe[:t]
        for layer in self.layers:
            x = layer(x, self.mask[:t, :t])
        return self.head(self.norm(x))


def corpus(c, rng, n):
    follow = np.random.default_rng(1234).integers(0, c.vocab, (c.vocab, 3))
    out = np.empty(n, dtype=np.int64)
    w = 0
    for i in range(n):
        w = follow[w, rng.choice(3, p=[0.7, 0.2, 0.1])]
        out[i] = w
    return torch.from_numpy(out)


def get(data, c):
    at = torch.randint(len(data) - c.ctx - 1, (c.batch,))
    x = torch.stack([data[i:i + c.ctx] for i in at])
    y = torch.stack([data[i + 1:i + c.ctx + 1] for i in at])
    return x, y


if __name__ == "__main__":
    cfg = Config()
    torch.set_num_threads(1)
    torch.manual_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    train, valid = corpus(cfg, rng, 12000), corpus(cfg, rng, 4000)
    model = LM(cfg)
    optim = torch.optim.AdamW(model.parameters(), lr=cfg.lr, betas=(0.9, 0.95), weight_decay=0.1)
    t0 = time.time()
    for it in range(cfg.steps):
        x, y = get(train, cfg)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optim.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()
        if it % 40 == 0:
            print(f"{it:4d} | loss {loss.item():8.3f} | {time.time() - t0:.1f}s")
    model.eval()
    with torch.no_grad():
        total = 0.0
        for _ in range(20):
            x, y = get(valid, cfg)
            total += F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
    print("validation loss", round(total / 20, 4))
