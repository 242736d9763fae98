# truth: faulty
# task: graph convolutions classify the nodes of a dense social graph
# wrong: the adjacency matrix is not normalised by degree, each layer multiplies the features by the degree
# accept: exploding_gradient, data_not_normalized, init_too_large
# after: https://github.com/sufeidechabei/graphnets_gcn/issues/1
# metric: higher
import argparse
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

FIXED = "--fixed" in sys.argv


def build_graph(n, classes, rng):
    y = rng.integers(0, classes, n)
    prob = np.where(y[:, None] == y[None], 0.10, 0.035)
    pop = rng.pareto(2.5, n) + 0.5
    prob = np.clip(prob * pop[:, None] * pop[None], 0, 0.9)
    a = np.triu(rng.random((n, n)) < prob, 1)
    a = (a | a.T).astype(np.float32)
    x = rng.normal(0, 1, (n, 30)).astype(np.float32)
    x[np.arange(n), y] += 1.0
    return torch.from_numpy(a), torch.from_numpy(x), torch.from_numpy(y)


def propagation_matrix(a):
    a_hat = a + torch.eye(len(a))
    if FIXED:
        d = a_hat.sum(1).pow(-0.5)
        return d[:, None] * a_hat * d[None]
    return a_hat


class GraphConvolution(nn.Module):
    def __init__(self, fin, fout):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(fin, fout))
        self.bias = nn.Parameter(torch.zeros(fout))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, adj):
        return adj @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, nfeat, nhid, nclass, dropout):
        super().__init__()
        self.gc1 = GraphConvolution(nfeat, nhid)
        self.gc2 = GraphConvolution(nhid, nhid)
        self.gc3 = GraphConvolution(nhid, nclass)
        self.dropout = dropout

    def forward(self, x, adj):
        x = F.relu(self.gc1(x, adj))
        x = F.dropout(x, self.dropout, training=self.training)
        x = F.relu(self.gc2(x, adj))
        x = F.dropout(x, self.dropout, training=self.training)
        return F.log_softmax(self.gc3(x, adj), dim=1)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
parser.add_argument("--epochs", type=int, default=200)
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--weight_decay", type=float, default=5e-4)
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

a, features, labels = build_graph(800, 6, rng)
adj = propagation_matrix(a)
perm = torch.randperm(len(labels))
idx_train, idx_val, idx_test = perm[:160], perm[160:320], perm[320:]
model = GCN(features.shape[1], 32, 6, 0.4)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)


def acc(out, idx):
    return (out[idx].argmax(1) == labels[idx]).float().mean().item()


for epoch in range(args.epochs):
    model.train()
    optimizer.zero_grad()
    out = model(features, adj)
    loss = F.nll_loss(out[idx_train], labels[idx_train])
    loss.backward()
    optimizer.step()
    if epoch % 25 == 0:
        model.eval()
        with torch.no_grad():
            val = acc(model(features, adj), idx_val)
        print("Epoch: {:04d} loss_train: {:.4f} acc_train: {:.4f} acc_val: {:.4f}".format(epoch + 1, loss.item(), acc(out, idx_train), val))

model.eval()
with torch.no_grad():
    print("Test set results: accuracy= {:.4f}".format(acc(model(features, adj), idx_test)))
