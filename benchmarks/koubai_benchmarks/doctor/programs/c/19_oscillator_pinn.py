# truth: faulty
# task: physics-informed net for a damped oscillator, written as two first-order equations
# wrong: the derivatives are taken with retain_graph=True instead of create_graph=True, so they are constants for the loss and the residual sends a wrong gradient
# accept: wrong_gradient, not_learning
# after: https://discuss.pytorch.org/t/efficient-calculation-of-derivatives-for-pinn-solvers-in-pytorch/177249
# metric: lower
import math
import sys

import torch
import torch.nn as nn

FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(SEED)
torch.set_num_threads(1)

OMEGA, ZETA, T_END = 1.5, 0.2, 3.0


def diff(y, t):
    if FIXED:
        return torch.autograd.grad(y, t, torch.ones_like(y), create_graph=True)[0]
    return torch.autograd.grad(y, t, torch.ones_like(y), retain_graph=True)[0]


def exact(t):
    wd = OMEGA * math.sqrt(1 - ZETA ** 2)
    return torch.exp(-ZETA * OMEGA * t) * (torch.cos(wd * t) + ZETA * OMEGA / wd * torch.sin(wd * t))


class Solution(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(),
            nn.Linear(width, width), nn.Tanh(),
            nn.Linear(width, 2),
        )

    def forward(self, t):
        out = self.layers(2 * t / T_END - 1)
        return out[:, :1], out[:, 1:]


model = Solution()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=1800, eta_min=1e-4)
t0 = torch.zeros(1, 1)

for it in range(1800):
    t = (torch.rand(64, 1) * T_END).requires_grad_(True)
    u, v = model(t)
    residual_u = diff(u, t) - v
    residual_v = diff(v, t) + 2 * ZETA * OMEGA * v + OMEGA ** 2 * u
    loss_ode = residual_u.pow(2).mean() + residual_v.pow(2).mean()
    u0, v0 = model(t0)
    loss_ic = (u0 - 1).pow(2).mean() + v0.pow(2).mean()
    loss = loss_ode + 10 * loss_ic
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    sched.step()
    if it % 300 == 299:
        print(f"it {it + 1}: ode {loss_ode.item():.5f}  ic {loss_ic.item():.6f}")

grid = torch.linspace(0, T_END, 301).unsqueeze(1)
with torch.no_grad():
    rmse = (model(grid)[0] - exact(grid)).pow(2).mean().sqrt().item()
print(f"rmse against the exact solution {rmse:.5f}")
