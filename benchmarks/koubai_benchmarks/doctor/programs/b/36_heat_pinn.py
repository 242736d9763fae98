# truth: faulty
# task: physics-informed network for 1D heat conduction with a source
# wrong: the second derivative is taken without create_graph, so the residual of the equation carries no gradient to the weights and only the boundary term is learned
# accept: wrong_gradient, not_learning
# after: https://discuss.pytorch.org/t/pinn-for-2d-heat-conduction-always-converges-to-a-constant-solution/217547 (PINN always converges to a constant solution)
# metric: lower
import argparse
import math
import sys

import torch
import torch.nn as nn

FIXED = "--fixed" in sys.argv


class PINN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.fc1 = nn.Linear(1, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        x = torch.tanh(self.fc1(x))
        x = torch.tanh(self.fc2(x))
        x = torch.tanh(self.fc3(x))
        return self.out(x)


def temperature(x):
    return 1 + x + torch.sin(2 * math.pi * x)


def source(x):
    return 4 * math.pi ** 2 * torch.sin(2 * math.pi * x)


def pde_residual(model, x):
    T = model(x)
    T_x = torch.autograd.grad(T, x, torch.ones_like(T), create_graph=True)[0]
    T_xx = torch.autograd.grad(T_x, x, torch.ones_like(T_x), retain_graph=True, create_graph=FIXED)[0]
    return T_xx + source(x)


def train(model, steps, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    x_b = torch.tensor([[0.0], [1.0]])
    T_b = temperature(x_b)
    for step in range(1, steps + 1):
        x = torch.rand(64, 1, requires_grad=True)
        loss_pde = pde_residual(model, x).pow(2).mean()
        loss_bc = (model(x_b) - T_b).pow(2).mean()
        loss = 0.01 * loss_pde + 10 * loss_bc
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 500 == 0:
            print(f"step {step}: total {loss.item():.5f} pde {loss_pde.item():.5f} bc {loss_bc.item():.2e}")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--steps", type=int, default=2000)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    model = PINN()
    train(model, args.steps, 2e-3)
    x = torch.linspace(0, 1, 401).unsqueeze(1)
    with torch.no_grad():
        rmse = (model(x) - temperature(x)).pow(2).mean().sqrt()
    print(f"RMSE against the exact profile {rmse.item():.5f}")


main()
