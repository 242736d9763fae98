# truth: healthy
# task: damped oscillator by a physics-informed network, Adam first and then L-BFGS with a closure
# after: https://github.com/PINA-org/PINA/issues/100
# metric: lower
import argparse
import math

import torch
from torch import nn

torch.set_num_threads(1)
DAMPING, STIFFNESS, T_END = 0.4, 9.0, 4.0


def solution(t):
    w = math.sqrt(STIFFNESS - DAMPING ** 2 / 4)
    return torch.exp(-DAMPING / 2 * t) * (torch.cos(w * t) + DAMPING / (2 * w) * torch.sin(w * t))


class Net(nn.Module):
    """The initial position and speed are built into the ansatz."""

    def __init__(self, width=24):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(),
                                  nn.Linear(width, 1))

    def forward(self, t):
        s = 2 * t / T_END - 1
        return 1.0 + t ** 2 * self.body(s)


def residual(net, t):
    u = net(t)
    v, = torch.autograd.grad(u.sum(), t, create_graph=True)
    a, = torch.autograd.grad(v.sum(), t, create_graph=True)
    return a + DAMPING * v + STIFFNESS * u


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--adam", type=int, default=1000)
    ap.add_argument("--lbfgs", type=int, default=25)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    net = Net()
    t = torch.linspace(0, T_END, 120).unsqueeze(1).requires_grad_(True)
    weight = torch.exp(-0.5 * t.detach())

    def loss_fn():
        return (weight * residual(net, t) ** 2).mean()

    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for i in range(args.adam):
        opt.zero_grad()
        loss = loss_fn()
        loss.backward()
        opt.step()
        if i % 250 == 0:
            print(f"adam {i} residual {loss.item():.4e}")

    opt = torch.optim.LBFGS(net.parameters(), lr=1.0, max_iter=20, history_size=50, line_search_fn="strong_wolfe")

    def closure():
        opt.zero_grad()
        value = loss_fn()
        value.backward()
        return value

    for i in range(args.lbfgs):
        value = opt.step(closure)
        if i % 10 == 0:
            print(f"l-bfgs {i} residual {value.item():.4e}")

    grid = torch.linspace(0, T_END, 500).unsqueeze(1)
    with torch.no_grad():
        err = (net(grid) - solution(grid)).norm() / solution(grid).norm()
    print(f"relative error of the solution {err.item():.6f}")


if __name__ == "__main__":
    main()
