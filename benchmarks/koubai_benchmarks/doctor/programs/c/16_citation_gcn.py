# truth: faulty
# task: semi-supervised node classification on a made community graph with a GCN
# wrong: fourteen plain graph convolutions in a row smooth all nodes to the same vector (and starve the first layers of gradient)
# accept: representations_alike, vanishing_gradient
# after: https://github.com/lightaime/deep_gcns_torch/issues/10
# metric: higher
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)

N, K, D = 500, 5, 40


def community_graph():
    label = torch.randint(0, K, (N,))
    same = label[:, None] == label[None, :]
    prob = torch.where(same, torch.tensor(0.05), torch.tensor(0.008))
    upper = torch.triu((torch.rand(N, N) < prob).float(), diagonal=1)
    adj = upper + upper.t()
    centers = torch.randn(K, D)
    feats = 0.35 * centers[label] + torch.randn(N, D)
    return adj, feats, label


def normalize(adj):
    a = adj + torch.eye(N)
    d = a.sum(1).rsqrt()
    return d[:, None] * a * d[None, :]


class GraphConvolution(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, adj):
        return adj @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, depth, width=32):
        super().__init__()
        dims = [D] + [width] * (depth - 1) + [K]
        self.convs = nn.ModuleList(GraphConvolution(a, b) for a, b in zip(dims, dims[1:]))

    def forward(self, x, adj):
        for conv in self.convs[:-1]:
            x = F.relu(conv(x, adj))
            x = F.dropout(x, 0.3, training=self.training)
        return self.convs[-1](x, adj)


adj, feats, label = community_graph()
adj = normalize(adj)
idx = torch.randperm(N)
idx_train, idx_val, idx_test = idx[:120], idx[120:200], idx[200:]

model = GCN(depth=2 if FIXED else 14)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
for epoch in range(1, 251):
    model.train()
    optimizer.zero_grad()
    out = model(feats, adj)
    loss_train = F.cross_entropy(out[idx_train], label[idx_train])
    loss_train.backward()
    optimizer.step()
    if epoch % 50 == 0:
        model.eval()
        with torch.no_grad():
            out = model(feats, adj)
        acc = [(out[i].argmax(1) == label[i]).float().mean().item() for i in (idx_train, idx_val)]
        print("Epoch: {:04d} loss_train: {:.4f} acc_train: {:.4f} acc_val: {:.4f}".format(epoch, loss_train.item(), *acc))

model.eval()
with torch.no_grad():
    final = model(feats, adj)[idx_test].argmax(1)
print("Test accuracy: {:.4f}".format((final == label[idx_test]).float().mean().item()))
