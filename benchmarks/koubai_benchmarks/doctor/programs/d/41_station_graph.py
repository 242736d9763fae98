# truth: faulty
# task: predict a value at the unlabelled nodes of a sensor graph with a two-layer graph convolution
# wrong: a weight decay of 0.05 taken over from another code base drives all weights to zero
# accept: over_regularized
# after: https://github.com/tinghuiz/SfMLearner/issues/34
# metric: lower
import argparse

import numpy as np
import torch
import torch.nn as nn

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--fixed", action="store_true")
ap.add_argument("--epochs", type=int, default=400)
args = ap.parse_args()
args.weight_decay = 5e-4 if args.fixed else 5e-2

torch.set_num_threads(1)
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

# a random geometric graph; the value at a node is a smooth field plus what its neighbours measure
N = 600
pos = rng.uniform(size=(N, 2))
dist = np.linalg.norm(pos[:, None] - pos[None], axis=-1)
A = (dist < 0.08).astype(np.float32)
deg = A.sum(1)
A_hat = torch.from_numpy(A / np.sqrt(deg[:, None] * deg[None]))
feats = rng.normal(size=(N, 6)).astype(np.float32)
signal = (A / deg[:, None]) @ np.tanh(feats[:, :1] * 1.5) + 0.3 * (A / deg[:, None]) @ feats[:, 1:2]
target = (0.2 * signal / signal.std() + 0.02 * rng.normal(size=signal.shape)).astype(np.float32)
X, y = torch.from_numpy(feats), torch.from_numpy(target)
perm = torch.from_numpy(rng.permutation(N))
train_idx, test_idx = perm[:400], perm[400:]


class GraphConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.lin = nn.Linear(2 * n_in, n_out)

    def forward(self, a, h):
        return self.lin(torch.cat([h, a @ h], dim=1))


class GNN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.g1 = GraphConv(6, hidden)
        self.g2 = GraphConv(hidden, hidden)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, a, x):
        h = torch.relu(self.g1(a, x))
        h = torch.relu(self.g2(a, h))
        return self.readout(h)


net = GNN()
opt = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=args.weight_decay)
mse = nn.MSELoss()
for epoch in range(1, args.epochs + 1):
    net.train()
    opt.zero_grad()
    loss = mse(net(A_hat, X)[train_idx], y[train_idx])
    loss.backward()
    opt.step()
    if epoch % 80 == 0:
        print(f"epoch {epoch}: train mse {loss.item():.4f}")
net.eval()
with torch.no_grad():
    print("variance of the test values: %.4f" % y[test_idx].var().item())
    print("test mse: %.4f" % mse(net(A_hat, X)[test_idx], y[test_idx]).item())
