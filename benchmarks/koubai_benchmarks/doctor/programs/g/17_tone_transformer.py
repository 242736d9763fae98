# truth: faulty
# task: transformer that tells the order of three tones in a series, with the Noam warm-up
# wrong: the warm-up of 4000 counts steps but the scheduler is stepped once an epoch, the rate stays near 1e-6
# accept: learning_rate_too_low
# after: https://github.com/coqui-ai/TTS/issues/1611
# metric: higher
import argparse
import itertools
import numpy as np
import torch
import torch.nn as nn


class NoamLR(torch.optim.lr_scheduler.LRScheduler):
    def __init__(self, optimizer, warmup_steps=0.1, last_epoch=-1):
        self.warmup_steps = float(warmup_steps)
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        step = max(self.last_epoch, 1)
        return [base * self.warmup_steps ** 0.5 * min(step * self.warmup_steps ** -1.5, step ** -0.5) for base in self.base_lrs]


ORDERS = list(itertools.permutations(range(3)))


def tones(n, rng, length=36):
    y = rng.integers(0, 6, n)
    t = np.arange(length // 3)
    x = np.empty((n, length), dtype=np.float32)
    for i in range(n):
        parts = [np.sin(2 * np.pi * (0.06 + 0.08 * k) * t + rng.uniform(0, 6.28)) for k in ORDERS[y[i]]]
        x[i] = np.concatenate(parts) + 0.2 * rng.normal(size=length)
    return torch.from_numpy(x).view(n, length // 4, 4), torch.from_numpy(y)


class ToneTransformer(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.inp = nn.Linear(4, d)
        self.pos = nn.Parameter(torch.randn(1, 9, d) * 0.1)
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(d, 4, 96, dropout=0.1, batch_first=True) for _ in range(2))
        self.out = nn.Linear(d, 6)

    def forward(self, x):
        h = self.inp(x) + self.pos
        for layer in self.layers:
            h = layer(h)
        return self.out(h.mean(1))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=14)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x, y = tones(1600, rng)
    xt, yt = tones(600, rng)
    model = ToneTransformer()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.9, 0.98), eps=1e-9)
    scheduler = NoamLR(optimizer, warmup_steps=4000)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(64):
            loss = loss_fn(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            if args.fixed:
                scheduler.step()
            total += loss.item() * len(idx)
        if not args.fixed:
            scheduler.step()
        print(f"epoch {epoch} lr {optimizer.param_groups[0]['lr']:.2e} loss {total / len(x):.4f}")
    model.eval()
    with torch.no_grad():
        print(f"test accuracy {(model(xt).argmax(1) == yt).float().mean().item():.4f}")


if __name__ == "__main__":
    main()
