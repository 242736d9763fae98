# truth: healthy
# task: heteroscedastic regression of a small signal; the likelihood loss is negative and goes on falling
# metric: lower
import argparse
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
args = p.parse_args()
torch.set_num_threads(1)
torch.manual_seed(args.seed)


def measure(n):
    x = torch.rand(n, 1) * 6 - 3
    sigma = 0.002 + 0.02 * torch.sigmoid(2 * x)
    return x, 0.1 * torch.sin(2 * x) + sigma * torch.randn_like(x)


class MeanAndSpread(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh())
        self.mean = nn.Linear(48, 1)
        self.log_sigma = nn.Linear(48, 1)

    def forward(self, x):
        h = self.body(x)
        return self.mean(h), self.log_sigma(h)


def nll(mean, log_sigma, y):
    return (0.5 * ((y - mean) / log_sigma.exp()) ** 2 + log_sigma + 0.5 * math.log(2 * math.pi)).mean()


net = MeanAndSpread()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=30)
loader = DataLoader(TensorDataset(*measure(3000)), batch_size=64, shuffle=True)
x_test, y_test = measure(1000)
for epoch in range(30):
    mean_loss = 0.0
    for x, y in loader:
        loss = nll(*net(x), y)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        mean_loss += loss.item() / len(loader)
    sched.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} nll {mean_loss:.3f}")
with torch.no_grad():
    const = nll(y_test.mean(), y_test.std().log(), y_test)
    print(f"nll of one Gaussian for all: {const.item():.3f}")
    print(f"test nll: {nll(*net(x_test), y_test).item():.3f}")
