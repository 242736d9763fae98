# truth: faulty
# task: semi-supervised classification of the nodes of a made-up citation graph
# wrong: ten plain graph convolutions are stacked; repeated averaging over neighbours makes all the nodes look the same
# accept: representations_alike, vanishing_gradient
# after: https://github.com/DropEdge/DropEdge/issues/8
# metric: higher
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


def citation_graph(seed, n=420, classes=6, dim=50):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    same = y[:, None] == y[None, :]
    prob = np.where(same, 0.055, 0.009)
    upper = np.triu(rng.random((n, n)) < prob, 1)
    adj = (upper | upper.T).astype(np.float32)
    words = rng.random((classes, dim)) < 0.2
    x = (rng.random((n, dim)) < np.where(words[y], 0.25, 0.08)).astype(np.float32)
    adj += np.eye(n, dtype=np.float32)
    d = 1.0 / np.sqrt(adj.sum(1))
    norm = d[:, None] * adj * d[None, :]
    return torch.from_numpy(x), torch.from_numpy(norm), torch.from_numpy(y)


class GraphConv(nn.Module):
    def __init__(self, din, dout):
        super().__init__()
        self.lin = nn.Linear(din, dout, bias=False)
        self.bias = nn.Parameter(torch.zeros(dout))
        nn.init.xavier_uniform_(self.lin.weight)

    def forward(self, x, a):
        return a @ self.lin(x) + self.bias


class GCN(nn.Module):
    def __init__(self, din, hidden, classes, layers):
        super().__init__()
        dims = [din] + [hidden] * (layers - 1) + [classes]
        self.convs = nn.ModuleList(GraphConv(a, b) for a, b in zip(dims, dims[1:]))

    def forward(self, x, a):
        for conv in self.convs[:-1]:
            x = F.dropout(F.relu(conv(x, a)), 0.3, self.training)
        return self.convs[-1](x, a)


def split(y, seed, per_class=14):
    g = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(y), generator=g)
    train = torch.cat([order[y[order] == c][:per_class] for c in y.unique()])
    rest = torch.tensor([i for i in order.tolist() if i not in set(train.tolist())])
    return train, rest[:100], rest[100:]


def accuracy(model, x, a, y, idx):
    model.eval()
    with torch.no_grad():
        return (model(x, a)[idx].argmax(1) == y[idx]).float().mean().item()


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    p.add_argument("--hidden", type=int, default=32)
    p.add_argument("--lr", type=float, default=0.01)
    p.add_argument("--wd", type=float, default=5e-4)
    p.add_argument("--epochs", type=int, default=250)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    x, a, y = citation_graph(args.seed)
    train, val, test = split(y, args.seed)
    model = GCN(x.size(1), args.hidden, int(y.max()) + 1, layers=2 if args.fixed else 10)
    opt = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.wd)
    best, best_test = 0.0, 0.0
    for epoch in range(args.epochs):
        model.train()
        opt.zero_grad()
        loss = F.cross_entropy(model(x, a)[train], y[train])
        loss.backward()
        opt.step()
        if epoch % 5 == 4:
            va = accuracy(model, x, a, y, val)
            if va > best:
                best, best_test = va, accuracy(model, x, a, y, test)
        if epoch % 50 == 49:
            print(f"epoch {epoch + 1} loss {loss.item():.3f} val {best:.3f}")
    print(f"test accuracy at best validation: {best_test:.3f}")
