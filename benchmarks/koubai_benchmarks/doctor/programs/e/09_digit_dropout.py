# truth: faulty
# task: classify 8x8 digits with a fully connected net
# wrong: F.dropout is called without training=self.training, so units are still dropped after net.eval()
# accept: evaluated_in_training_mode
# after: https://github.com/pytorch/pytorch/issues/26338
# metric: higher
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
p.add_argument("--fixed", action="store_true")
opt = p.parse_args()
torch.manual_seed(opt.seed)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 80)
        self.fc2 = nn.Linear(80, 80)
        self.fc3 = nn.Linear(80, 10)

    def forward(self, x):
        on = self.training if opt.fixed else True
        x = F.relu(self.fc1(x))
        x = F.dropout(x, 0.5, training=on)
        x = F.relu(self.fc2(x))
        x = F.dropout(x, 0.5, training=on)
        return self.fc3(x)


class EarlyStopping:
    def __init__(self, patience=8):
        self.patience, self.best, self.bad = patience, float("inf"), 0

    def __call__(self, value):
        if value < self.best:
            self.best, self.bad = value, 0
        else:
            self.bad += 1
        return self.bad >= self.patience


bunch = load_digits()
X = torch.tensor(bunch.data, dtype=torch.float32) / 16
y = torch.tensor(bunch.target)
order = torch.randperm(len(y), generator=torch.Generator().manual_seed(opt.seed))
X, y = X[order], y[order]
xt, yt = X[:900], y[:900]
xv, yv = X[900:1200], y[900:1200]
xs, ys = X[1200:], y[1200:]

net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
stopper = EarlyStopping()
for epoch in range(25):
    net.train()
    for idx in torch.randperm(len(xt)).split(32):
        optimizer.zero_grad()
        F.cross_entropy(net(xt[idx]), yt[idx]).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        val = F.cross_entropy(net(xv), yv).item()
    if epoch % 5 == 0:
        print("epoch %d  val loss %.4f" % (epoch, val))
    if stopper(val):
        print("stopped at epoch", epoch)
        break

net.eval()
with torch.no_grad():
    accuracy = (net(xs).argmax(1) == ys).float().mean().item()
print("test accuracy = %.4f" % accuracy)
