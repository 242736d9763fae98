# truth: healthy
# task: hinge GAN with a gradient penalty on a ring of points; the two losses never settle
# after: https://github.com/igul222/improved_wgan_training/issues/26
# metric: lower
import argparse
import math
import torch
from torch import nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument('--seed', type=int, default=0)
parser.add_argument('--steps', type=int, default=1500)
parser.add_argument('--batch', type=int, default=128)
parser.add_argument('--gp', type=float, default=0.5)
opt = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(opt.seed)


def real_batch(n):
    angle = 2 * math.pi * torch.rand(n)
    radius = 1 + 0.05 * torch.randn(n)
    return torch.stack([radius * angle.cos(), 0.6 * radius * angle.sin()], 1)


class G(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1, self.l2, self.l3 = nn.Linear(2, 64), nn.Linear(64, 64), nn.Linear(64, 2)

    def forward(self, z):
        return self.l3(F.relu(self.l2(F.relu(self.l1(z)))))


class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1, self.l2, self.l3 = nn.Linear(2, 64), nn.Linear(64, 64), nn.Linear(64, 1)

    def forward(self, x):
        h = F.leaky_relu(self.l1(x), 0.2)
        h = F.leaky_relu(self.l2(h), 0.2)
        return self.l3(h)


g, d = G(), D()
g_average = G()
g_average.load_state_dict(g.state_dict())
opt_g = torch.optim.Adam(g.parameters(), lr=5e-4, betas=(0.0, 0.99))
opt_d = torch.optim.Adam(d.parameters(), lr=1e-3, betas=(0.0, 0.99))

for step in range(opt.steps):
    real = real_batch(opt.batch).requires_grad_(True)
    with torch.no_grad():
        fake = g(torch.randn(opt.batch, 2))
    score_real, score_fake = d(real), d(fake)
    loss_d = F.relu(1 - score_real).mean() + F.relu(1 + score_fake).mean()
    grad, = torch.autograd.grad(score_real.sum(), real, create_graph=True)
    loss_d = loss_d + opt.gp * grad.pow(2).sum(1).mean()
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()

    loss_g = -d(g(torch.randn(opt.batch, 2))).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    with torch.no_grad():
        for a, p in zip(g_average.parameters(), g.parameters()):
            a.lerp_(p, 0.01)
    if step % 250 == 0:
        print(f'{step:5d} d {loss_d.item():.3f} g {loss_g.item():+.3f}')

with torch.no_grad():
    fake, real = g_average(torch.randn(3000, 2)), real_batch(3000)
    v = torch.randn(2, 80)
    v = v / v.norm(dim=0)
    gap = ((fake @ v).sort(0).values - (real @ v).sort(0).values).abs().mean()
print(f'sliced distance to the ring {gap.item():.4f}')
