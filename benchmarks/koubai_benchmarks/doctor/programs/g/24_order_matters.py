# truth: faulty
# task: transformer encoder that tells whether the event A came before the event B in a log
# wrong: no positional encoding is added, so the encoder cannot know the order of the events
# accept: none
# after: https://github.com/DaoyuanLi2816/Molecule-Generator/pull/23
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn

EVENTS, LENGTH = 20, 14


def logs(n, rng):
    x = rng.integers(3, EVENTS, (n, LENGTH))
    first, second = np.zeros(n, int), np.zeros(n, int)
    for i in range(n):
        first[i], second[i] = np.sort(rng.choice(LENGTH, 2, replace=False))
    y = rng.integers(0, 2, n)
    rows = np.arange(n)
    x[rows, first] = np.where(y == 1, 1, 2)
    x[rows, second] = np.where(y == 1, 2, 1)
    x = np.concatenate([np.zeros((n, 1), int), x], 1)
    return torch.from_numpy(x), torch.from_numpy(y).float()


class LogEncoder(nn.Module):
    def __init__(self, dim=32, use_pos=False):
        super().__init__()
        self.embed = nn.Embedding(EVENTS, dim)
        self.pos = nn.Embedding(LENGTH + 1, dim) if use_pos else None
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(dim, 4, 2 * dim, dropout=0.0, batch_first=True, norm_first=True) for _ in range(2))
        self.norm = nn.LayerNorm(dim)
        self.score = nn.Linear(dim, 1)

    def forward(self, x):
        h = self.embed(x)
        if self.pos is not None:
            h = h + self.pos.weight
        for layer in self.layers:
            h = layer(h)
        return self.score(self.norm(h[:, 0])).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x_train, y_train = logs(4000, rng)
    x_test, y_test = logs(1000, rng)
    net = LogEncoder(use_pos=args.fixed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
    warm = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 50))
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(7):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(x_train)).split(64):
            loss = criterion(net(x_train[idx]), y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            warm.step()
            total += loss.item() * len(idx)
        net.eval()
        with torch.no_grad():
            acc = ((net(x_test) > 0).float() == y_test).float().mean().item()
        print(f"epoch {epoch} loss {total / len(x_train):.4f} val {acc:.4f}")
    print(f"test accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
