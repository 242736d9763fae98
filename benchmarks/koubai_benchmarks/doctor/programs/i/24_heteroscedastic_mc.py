# truth: healthy
# task: regression whose noise depends on the input: mean and variance from one network, averaged over dropout samples
# after: https://arxiv.org/abs/1703.04977
# metric: lower
import argparse
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
ap = argparse.ArgumentParser()
ap.add_argument('--seed', type=int, default=0)
ap.add_argument('--epochs', type=int, default=22)
ap.add_argument('--samples', type=int, default=30)
args = ap.parse_args()
rng = np.random.default_rng(args.seed)
torch.manual_seed(args.seed)


def truth(x):
    mean = np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2]
    sd = 0.05 + 0.4 / (1 + np.exp(-3 * x[:, 3]))
    return mean, sd


def sample(n):
    x = rng.uniform(-1.5, 1.5, (n, 4))
    m, s = truth(x)
    y = m + s * rng.normal(size=n)
    return (torch.tensor(v, dtype=torch.float32) for v in (x, y, m))


x, y, _ = sample(3000)
xt, yt, mt = sample(1000)
y = 0.1 * y          # metres to decametres, as the plant records them
yt, mt = 0.1 * yt, 0.1 * mt


class MeanVar(nn.Module):
    def __init__(self, width=96, p=0.05):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(4, width), nn.Tanh(),
            nn.Linear(width, width), nn.SiLU(), nn.Dropout(p),
            nn.Linear(width, width), nn.SiLU(), nn.Dropout(p))
        self.mean = nn.Linear(width, 1)
        self.logvar = nn.Linear(width, 1)
        nn.init.zeros_(self.logvar.weight)
        nn.init.constant_(self.logvar.bias, -2.0)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h)[:, 0], self.logvar(h)[:, 0].clamp(-9, 3)


def nll(mean, logvar, y):
    return 0.5 * (logvar + (y - mean) ** 2 * torch.exp(-logvar)).mean()


net = MeanVar()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 2e-3, epochs=args.epochs, steps_per_epoch=47)
for epoch in range(args.epochs):
    tot = 0.0
    for b in torch.randperm(len(x)).split(64):
        loss = nll(*net(x[b]), y[b])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
        sched.step()
        tot += loss.item() * len(b)
    if epoch % 5 == 4:
        print(f'epoch {epoch + 1}: nll {tot / len(x):.4f}')

# dropout stays on: the spread over the samples is the model's own doubt
net.train()
with torch.no_grad():
    runs = [net(xt) for _ in range(args.samples)]
mean = torch.stack([r[0] for r in runs]).mean(0)
var = torch.stack([r[1].exp() for r in runs]).mean(0) + torch.stack([r[0] for r in runs]).var(0)
inside = ((yt - mean).abs() < 1.645 * var.sqrt()).float().mean().item()
print(f'share inside the 90 % interval: {inside:.3f}')
print('rmse of the mean / std of the noise-free target: %.4f' % ((mean - mt).pow(2).mean().sqrt() / mt.std()).item())
