# truth: faulty
# task: label the nodes of a made-up citation graph with four communities
# wrong: sixteen plain graph convolutions in a row smooth all nodes to the same vector
# accept: representations_alike, vanishing_gradient
# after: https://arxiv.org/abs/1801.07606
# metric: higher
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


def citation_graph(rng, n=300, k=4, p_in=0.06, p_out=0.012, words=60):
    label = rng.randint(0, k, n)
    same = label[:, None] == label[None, :]
    prob = np.where(same, p_in, p_out)
    a = np.triu(rng.rand(n, n) < prob, 1)
    a = (a | a.T).astype(np.float32)
    topic = rng.rand(k, words) < 0.25
    freq = np.where(topic[label], 0.16, 0.06)
    x = (rng.rand(n, words) < freq).astype(np.float32)
    return a, x, label


def normalize(a):
    a = a + np.eye(len(a), dtype=np.float32)
    d = a.sum(1) ** -0.5
    return torch.tensor(d[:, None] * a * d[None, :])


class GraphConvolution(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, adj):
        return adj @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, n_in, n_hid, n_out, n_layers, dropout=0.3):
        super().__init__()
        dims = [n_in] + [n_hid] * (n_layers - 1) + [n_out]
        self.layers = nn.ModuleList(GraphConvolution(a, b) for a, b in zip(dims[:-1], dims[1:]))
        self.dropout = dropout

    def forward(self, x, adj):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x, adj))
            x = F.dropout(x, self.dropout, training=self.training)
        return self.layers[-1](x, adj)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
parser.add_argument("--epochs", type=int, default=160)
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.RandomState(args.seed)

a, x, label = citation_graph(rng)
adj, x, y = normalize(a), torch.tensor(x), torch.tensor(label)
x = x / x.sum(1, keepdim=True).clamp(min=1)
perm = torch.tensor(rng.permutation(len(y)))
idx_train, idx_val, idx_test = perm[:60], perm[60:110], perm[110:]

model = GCN(x.size(1), 32, 4, n_layers=2 if args.fixed else 16)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)

for epoch in range(args.epochs):
    model.train()
    optimizer.zero_grad()
    out = model(x, adj)
    loss = F.cross_entropy(out[idx_train], y[idx_train])
    loss.backward()
    optimizer.step()
    if epoch % 25 == 0:
        model.eval()
        with torch.no_grad():
            acc = (model(x, adj)[idx_val].argmax(1) == y[idx_val]).float().mean().item()
        print("Epoch: {:04d} loss_train: {:.4f} acc_val: {:.4f}".format(epoch + 1, loss.item(), acc))

model.eval()
with torch.no_grad():
    acc = (model(x, adj)[idx_test].argmax(1) == y[idx_test]).float().mean().item()
print("Test set results: accuracy= {:.4f}".format(acc))
