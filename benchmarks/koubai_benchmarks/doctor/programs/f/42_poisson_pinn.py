# truth: faulty
# task: physics-informed network for the Poisson equation u'' = f on the unit interval
# wrong: ReLU activations: the second derivative in the residual is zero everywhere, so the equation trains nothing
# accept: none
# after: https://arxiv.org/html/2512.11184v2
# metric: lower
import argparse
import math

import torch
from torch import nn

torch.set_num_threads(1)


def exact(x):
    return torch.sin(math.pi * x) + 0.5 * torch.sin(3 * math.pi * x)


def source(x):
    return -math.pi ** 2 * torch.sin(math.pi * x) - 4.5 * math.pi ** 2 * torch.sin(3 * math.pi * x)


class PINN(nn.Module):
    def __init__(self, width, depth, activation):
        super().__init__()
        layers = [nn.Linear(1, width), activation()]
        for _ in range(depth - 1):
            layers += [nn.Linear(width, width), activation()]
        layers.append(nn.Linear(width, 1))
        self.net = nn.Sequential(*layers)
        for m in self.net:
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.net(x)


def derivative(u, x):
    return torch.autograd.grad(u, x, torch.ones_like(u), create_graph=True)[0]


def pde_loss(model, x):
    x = x.requires_grad_(True)
    u_x = derivative(model(x), x)
    u_xx = derivative(u_x, x)
    return ((u_xx - source(x)) ** 2).mean()


def boundary_loss(model):
    ends = torch.tensor([[0.0], [1.0]])
    return (model(ends) ** 2).mean()


def relative_error(model):
    x = torch.linspace(0, 1, 401)[:, None]
    with torch.no_grad():
        return ((model(x) - exact(x)).norm() / exact(x).norm()).item()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--iters", type=int, default=2500)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--bc-weight", type=float, default=200.0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    model = PINN(32, 3, nn.Tanh if args.fixed else nn.ReLU)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1000, gamma=0.5)
    for it in range(args.iters):
        x = torch.rand(args.points, 1)
        residual = pde_loss(model, x)
        edge = boundary_loss(model)
        loss = residual + args.bc_weight * edge
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if it % 250 == 0:
            print(f"iter {it:5d}  residual {residual.item():.3e}  boundary {edge.item():.3e}")
    print(f"relative L2 error against the exact solution {relative_error(model):.5f}")


if __name__ == "__main__":
    main()
