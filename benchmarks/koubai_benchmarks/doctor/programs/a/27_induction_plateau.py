# truth: healthy
# task: two-layer attention model copies the token that followed the last occurrence; a plateau, then a sudden drop
# after: https://github.com/ChuhuaW/SGNet.pytorch/issues/14 (stagnates, then a sudden drop)
# metric: higher
import math
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F

V, HALF = 16, 10


def make(n):
    first = torch.stack([torch.randperm(V)[:HALF] for _ in range(n)])
    return torch.cat([first, first], 1)


class Layer(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.ln = nn.LayerNorm(d)
        self.mha = nn.MultiheadAttention(d, h, batch_first=True, bias=False)
        self.ln2 = nn.LayerNorm(d)
        self.ff = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))

    def forward(self, x, mask):
        z = self.ln(x)
        x = x + self.mha(z, z, z, attn_mask=mask, need_weights=False)[0]
        return x + self.ff(self.ln2(x))


class Model(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.tok, self.pos = nn.Embedding(V, d), nn.Embedding(2 * HALF, d)
        self.layers = nn.ModuleList([Layer(d, 4), Layer(d, 4)])
        self.ln = nn.LayerNorm(d)
        self.head = nn.Linear(d, V)

    def forward(self, x):
        T = x.shape[1]
        mask = torch.full((T, T), -math.inf).triu(1)
        h = self.tok(x) + self.pos(torch.arange(T))
        for l in self.layers:
            h = l(h, mask)
        return self.head(self.ln(h))


seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
model = Model()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98))
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, (s + 1) / 100))
for step in range(500):
    s = make(32)
    logits = model(s[:, :-1])
    loss = F.cross_entropy(logits[:, HALF:].reshape(-1, V), s[:, HALF + 1:].reshape(-1))
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    warm.step()
    if step % 25 == 0:
        print(f"step {step} loss {loss.item():.3f}")
model.eval()
with torch.no_grad():
    s = make(500)
    acc = (model(s[:, :-1])[:, HALF:].argmax(-1) == s[:, HALF + 1:]).float().mean().item()
print(f"repeat accuracy {acc:.4f}")
