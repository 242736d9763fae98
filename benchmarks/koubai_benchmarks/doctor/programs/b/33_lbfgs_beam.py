# truth: healthy
# task: physics-informed network for the deflection of a loaded string, fitted with LBFGS in double precision
# metric: lower
import argparse
import math

import torch

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
seed = p.parse_args().seed
torch.manual_seed(seed)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

# u'' = -q(x),  u(0) = u(1) = 0,  q = pi^2 sin(pi x) + 8 pi^2 sin(4 pi x)
exact = lambda x: torch.sin(math.pi * x) + 0.5 * torch.sin(4 * math.pi * x)
q = lambda x: math.pi ** 2 * torch.sin(math.pi * x) + 8 * math.pi ** 2 * torch.sin(4 * math.pi * x)

net = torch.nn.Sequential(
    torch.nn.Linear(1, 24), torch.nn.Tanh(),
    torch.nn.Linear(24, 24), torch.nn.Tanh(),
    torch.nn.Linear(24, 1))

x = torch.linspace(0, 1, 128).view(-1, 1).requires_grad_(True)
ends = torch.tensor([[0.0], [1.0]])


def residual():
    u = net(x)
    du = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
    ddu = torch.autograd.grad(du.sum(), x, create_graph=True)[0]
    return ddu + q(x)


opt = torch.optim.LBFGS(net.parameters(), lr=1.0, max_iter=20, history_size=50, line_search_fn="strong_wolfe")


def closure():
    opt.zero_grad()
    loss = residual().pow(2).mean() + 500 * net(ends).pow(2).mean()
    loss.backward()
    return loss


for outer in range(40):
    loss = opt.step(closure)
    if outer % 5 == 0:
        print(f"outer {outer:3d}   loss {loss.item():.3e}")

xt = torch.rand(500, 1)
with torch.no_grad():
    err = (net(xt) - exact(xt)).norm() / exact(xt).norm()
print(f"relative L2 error: {err.item():.6f}")
