# truth: faulty
# task: semi-supervised classification of the nodes of a social graph (five communities) with a graph convolution network
# wrong: sixteen plain graph convolutions are stacked: over-smoothing makes the nodes' representations the same
# accept: representations_alike, vanishing_gradient
# after: https://github.com/DropEdge/DropEdge/issues/8
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def social_graph(rng, n=500, k=5, d=32, degree=9.0, homophily=0.75):
    """Stochastic block model with weak node features."""
    y = rng.integers(0, k, n)
    same = y[:, None] == y[None, :]
    p_in = degree * homophily / (n / k)
    p_out = degree * (1 - homophily) / (n * (k - 1) / k)
    upper = np.triu(rng.random((n, n)) < np.where(same, p_in, p_out), 1)
    a = (upper | upper.T).astype(np.float32)
    means = rng.normal(0, 1, (k, d))
    x = 0.35 * means[y] + rng.normal(0, 1, (n, d))
    return torch.from_numpy(a), torch.tensor(x, dtype=torch.float32), torch.from_numpy(y)


def normalized_adjacency(a):
    a = a + torch.eye(len(a))
    dinv = a.sum(1).rsqrt()
    return (dinv[:, None] * a * dinv[None, :]).to_sparse()


class GraphConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, adj, h):
        return torch.sparse.mm(adj, h @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, n_in, hidden, n_out, n_layers, dropout):
        super().__init__()
        dims = [n_in] + [hidden] * (n_layers - 1) + [n_out]
        self.convs = nn.ModuleList(GraphConv(a, b) for a, b in zip(dims[:-1], dims[1:]))
        self.dropout = dropout

    def forward(self, adj, x):
        h = F.dropout(x, self.dropout, self.training)
        for conv in self.convs[:-1]:
            h = F.relu(conv(adj, h))
        h = F.dropout(h, self.dropout, self.training)
        return self.convs[-1](adj, h)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--hidden", type=int, default=32)
    ap.add_argument("--epochs", type=int, default=300)
    ap.add_argument("--lr", type=float, default=0.01)
    ap.add_argument("--weight_decay", type=float, default=5e-4)
    ap.add_argument("--dropout", type=float, default=0.4)
    args = ap.parse_args()
    n_layers = 2 if args.fixed else 16
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    a, x, y = social_graph(rng)
    adj = normalized_adjacency(a)
    perm = torch.from_numpy(rng.permutation(len(y)))
    idx_train, idx_val, idx_test = perm[:100], perm[100:200], perm[200:]

    model = GCN(x.size(1), args.hidden, 5, n_layers, args.dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    best_val, test_at_best = 0.0, 0.0
    for epoch in range(args.epochs):
        model.train()
        out = model(adj, x)
        loss = F.cross_entropy(out[idx_train], y[idx_train])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            pred = model(adj, x).argmax(1)
        val = (pred[idx_val] == y[idx_val]).float().mean().item()
        test = (pred[idx_test] == y[idx_test]).float().mean().item()
        if val >= best_val:
            best_val, test_at_best = val, test
        if (epoch + 1) % 25 == 0:
            print(f"Epoch {epoch + 1:03d} loss {loss.item():.4f} val {val:.3f} test {test:.3f}")
    print(f"test accuracy (best validation) {test_at_best:.4f}")


if __name__ == "__main__":
    main()
