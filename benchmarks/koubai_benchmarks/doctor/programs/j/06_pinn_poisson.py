# truth: faulty
# task: physics-informed network for the temperature of a heated rod, k u'' = -q, with two boundary values
# wrong: the residual is in watts with a conductivity of 390 and outweighs the boundary term a hundred thousand times, both with weight one; the boundary values are never met
# accept: term_outweighed
# after: https://github.com/lululxvi/deepxde/issues/279
# metric: lower
import math
import sys

import torch
from torch import nn

torch.set_num_threads(1)
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
fixed = "--fixed" in sys.argv
torch.manual_seed(seed)

K = 2 * math.pi
CONDUCTIVITY = 390.0


def exact(x):
    return torch.sin(K * x) + 0.8 * torch.cos(0.5 * K * x) + 1.5 * x


def source(x):
    return CONDUCTIVITY * (K ** 2 * torch.sin(K * x) + 0.8 * (0.5 * K) ** 2 * torch.cos(0.5 * K * x))


class Net(nn.Module):
    def __init__(self, width=40):
        super().__init__()
        self.a = nn.Linear(1, width)
        self.b = nn.Linear(width, width)
        self.c = nn.Linear(width, 1)
        nn.init.normal_(self.a.weight, std=3.0)
        nn.init.uniform_(self.a.bias, -3.0, 3.0)
        for layer in (self.b, self.c):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        h = torch.tanh(self.a(x))
        h = torch.tanh(self.b(h))
        return self.c(h)


def derivative(y, x):
    return torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)[0]


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1100)
edge = torch.tensor([[-1.0], [1.0]])
edge_value = exact(edge)
unit = CONDUCTIVITY if fixed else 1.0

for it in range(1100):
    x = (2 * torch.rand(96, 1) - 1).requires_grad_(True)
    u = net(x)
    residual = (CONDUCTIVITY * derivative(derivative(u, x), x) + source(x)) / unit
    loss_pde = residual.pow(2).mean()
    loss_bc = (net(edge) - edge_value).pow(2).mean()
    loss = loss_pde + loss_bc
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if it % 200 == 0:
        print(f"{it:5d} pde {loss_pde.item():.4e} bc {loss_bc.item():.4e}")

with torch.no_grad():
    grid = torch.linspace(-1, 1, 501).unsqueeze(1)
    rel = (net(grid) - exact(grid)).norm() / exact(grid).norm()
print(f"relative L2 error: {rel.item():.4f}")
