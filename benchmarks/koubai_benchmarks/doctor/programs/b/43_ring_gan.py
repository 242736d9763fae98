# truth: healthy
# task: a GAN of eight Gaussians on a ring; both losses hover where they started
# metric: lower
import argparse
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
opt = ap.parse_args()
torch.manual_seed(opt.seed)
torch.set_num_threads(1)

CENTERS = torch.tensor([[math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)] for k in range(8)]) * 2


def real(n):
    return CENTERS[torch.randint(8, (n,))] + 0.1 * torch.randn(n, 2)


def mlp(i, o, act):
    return nn.Sequential(nn.Linear(i, 96), act, nn.Linear(96, 96), act, nn.Linear(96, o))


G, D = mlp(8, 2, nn.ReLU()), mlp(2, 1, nn.LeakyReLU(0.2))
optG = torch.optim.Adam(G.parameters(), lr=4e-4, betas=(0.5, 0.99))
optD = torch.optim.Adam(D.parameters(), lr=8e-4, betas=(0.5, 0.99))


def energy(n=1500):
    with torch.no_grad():
        a, b = G(torch.randn(n, 8)), real(n)
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


for step in range(1, 1501):
    x = real(128).requires_grad_(True)
    fake = G(torch.randn(128, 8))
    out = D(x)
    grad = torch.autograd.grad(out.sum(), x, create_graph=True)[0]
    lossD = F.softplus(-out).mean() + F.softplus(D(fake.detach())).mean() + 0.1 * grad.pow(2).sum(1).mean()
    optD.zero_grad()
    lossD.backward()
    optD.step()
    lossG = F.softplus(-D(fake)).mean()
    optG.zero_grad()
    lossG.backward()
    optG.step()
    if step % 500 == 0:
        print(f"step {step} lossD {lossD.item():.3f} lossG {lossG.item():.3f} energy {energy():.4f}")
print(f"energy distance {energy(3000):.5f}")
