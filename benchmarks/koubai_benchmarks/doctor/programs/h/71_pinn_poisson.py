# truth: faulty
# task: physics-informed network for the Poisson equation u'' = f on [0, 1] with boundary values
# wrong: the network is piecewise linear (ReLU), its second derivative is zero, the equation cannot be learned at all
# accept: none
# after: https://arxiv.org/abs/2212.00270
# metric: lower
import argparse
import math
import torch
import torch.nn as nn


class MLP(nn.Module):
    def __init__(self, sizes, activation):
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:])])
        self.activation = activation
        for lin in self.linears:
            nn.init.xavier_normal_(lin.weight)
            nn.init.zeros_(lin.bias)

    def forward(self, x):
        for lin in self.linears[:-1]:
            x = self.activation(lin(x))
        return self.linears[-1](x)


def exact(x):
    return torch.sin(2 * math.pi * x) + 0.5 * x


def source(x):
    return -(2 * math.pi) ** 2 * torch.sin(2 * math.pi * x)


def residual(net, x):
    x = x.requires_grad_(True)
    u = net(x)
    du = torch.autograd.grad(u, x, torch.ones_like(u), create_graph=True)[0]
    ddu = torch.autograd.grad(du, x, torch.ones_like(du), create_graph=True)[0]
    return ddu - source(x)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--iterations", type=int, default=1800)
    ap.add_argument("--collocation", type=int, default=64)
    ap.add_argument("--bc-weight", type=float, default=100.0)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    net = MLP([1, 32, 32, 1], torch.tanh if args.fixed else torch.relu)
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.9988)
    xb = torch.tensor([[0.0], [1.0]])
    ub = exact(xb)

    for it in range(1, args.iterations + 1):
        x = torch.rand(args.collocation, 1)
        loss_pde = residual(net, x).pow(2).mean()
        loss_bc = (net(xb) - ub).pow(2).mean()
        loss = loss_pde + args.bc_weight * loss_bc
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if it % 200 == 0:
            print(f"it {it:5d}  pde {loss_pde.item():10.4f}  bc {loss_bc.item():.3e}")

    grid = torch.linspace(0, 1, 401)[:, None]
    with torch.no_grad():
        err = (net(grid) - exact(grid)).norm() / exact(grid).norm()
    print(f"relative L2 error: {err.item():.4f}")


if __name__ == "__main__":
    main()
