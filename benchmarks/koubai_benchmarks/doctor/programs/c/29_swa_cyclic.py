# truth: healthy
# task: stochastic weight averaging with a saw-tooth rate on a noisy three-ring problem; the loss jumps at each restart, the average is good
# after: https://pytorch.org/blog/pytorch-1.6-now-includes-stochastic-weight-averaging/
# metric: higher
import argparse
import math

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
args = ap.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)


def rings(n):
    label = torch.randint(0, 3, (n,))
    radius = 1.0 + label + 0.28 * torch.randn(n)
    angle = 2 * math.pi * torch.rand(n)
    pts = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    return torch.cat([pts / 2, torch.randn(n, 2)], 1), label


x_tr, y_tr = rings(1500)
x_te, y_te = rings(2000)
loader = DataLoader(TensorDataset(x_tr, y_tr), batch_size=50, shuffle=True)

net = nn.Sequential(nn.Linear(4, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 3))
swa = AveragedModel(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.4, momentum=0.9)
cycle = 3 * len(loader)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: 1.0 - 0.95 * (k % cycle) / cycle)
criterion = nn.CrossEntropyLoss()

for epoch in range(15):
    net.train()
    total = 0.0
    for xb, yb in loader:
        loss = criterion(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item()
    if epoch % 3 == 2 and epoch > 3:
        swa.update_parameters(net)
    print(f"epoch {epoch:2d} lr {scheduler.get_last_lr()[0]:.3f} loss {total / len(loader):.4f}")

update_bn(loader, swa)
swa.eval()
with torch.no_grad():
    acc = (swa(x_te).argmax(1) == y_te).float().mean().item()
print(f"accuracy of the averaged net {acc:.4f}")
