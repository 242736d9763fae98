# truth: faulty
# task: transformer tags every number of a sequence with its rank
# wrong: the encoder blocks are kept in a plain Python list, the optimizer never gets their parameters
# accept: not_training
# after: https://www.engineermaxxing.com/micro/lessons/pytorch-internals.html (plain list of layers)
# metric: higher
import sys
import torch
import torch.nn as nn

FIXED = "--fixed" in sys.argv


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.att = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(dim)
        self.ff = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        n = self.norm1(x)
        x = x + self.att(n, n, n, need_weights=False)[0]
        return x + self.ff(self.norm2(x))


class RankTagger(nn.Module):
    def __init__(self, length, dim=32, heads=4, depth=2):
        super().__init__()
        self.inp = nn.Linear(1, dim)
        blocks = [Block(dim, heads) for _ in range(depth)]
        self.blocks = nn.ModuleList(blocks) if FIXED else blocks
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, length)

    def forward(self, x):
        x = self.inp(x.unsqueeze(-1))
        for b in self.blocks:
            x = b(x)
        return self.head(self.norm(x))


def batch(n, length=8):
    centre = 3 * torch.randn(n, 1)
    x = centre + torch.randn(n, length)
    return x, x.argsort(1).argsort(1)


def train(seed):
    torch.manual_seed(seed)
    model = RankTagger(8)
    print("trainable parameters:", sum(p.numel() for p in model.parameters() if p.requires_grad))
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    ce = nn.CrossEntropyLoss()
    avg = None
    for it in range(1, 601):
        x, y = batch(48)
        loss = ce(model(x).flatten(0, 1), y.flatten())
        opt.zero_grad()
        loss.backward()
        opt.step()
        avg = loss.item() if avg is None else 0.98 * avg + 0.02 * loss.item()
        if it % 100 == 0:
            print(f"iteration {it:5d}  smoothed loss {avg:.4f}")
    model.eval()
    with torch.no_grad():
        x, y = batch(1000)
        return (model(x).argmax(-1) == y).float().mean().item()


if __name__ == "__main__":
    s = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
    print(f"rank accuracy on new sequences {train(s):.4f}")
