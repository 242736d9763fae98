# truth: faulty
# task: physics-informed network for a damped oscillator u'' + 0.4 u' + 9 u = 0 with u(0) = 1, u'(0) = 0
# wrong: the error at the start is computed through a predict() that runs without gradients, so the initial condition is never learned
# accept: none
# after: https://github.com/matlab-deep-learning/Inverse-Problems-using-Physics-Informed-Neural-Networks-PINNs/issues/1
# metric: lower
import argparse

import numpy as np
import torch
from torch import nn


class PINN:
    def __init__(self, seed, live_start):
        torch.manual_seed(seed)
        self.live_start = live_start
        self.net = nn.Sequential(
            nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)
        )
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=5e-3)
        self.t0 = torch.zeros(1, 1)

    def value_and_slope(self, t):
        t = t.clone().requires_grad_(True)
        u = self.net(t)
        du = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
        return t, u, du

    def predict(self, t):
        _, u, du = self.value_and_slope(t)
        return u.detach(), du.detach()

    def residual(self, t):
        t, u, du = self.value_and_slope(t)
        ddu = torch.autograd.grad(du.sum(), t, create_graph=True)[0]
        return ddu + 0.4 * du + 9 * u

    def initial_error(self):
        if self.live_start:
            _, u, du = self.value_and_slope(self.t0)
        else:
            u, du = self.predict(self.t0)
        return (u - 1).pow(2).mean() + 0.1 * du.pow(2).mean()

    def train(self, n_iter):
        for it in range(1, n_iter + 1):
            t = torch.rand(64, 1) * 2
            pde = self.residual(t).pow(2).mean()
            ic = self.initial_error()
            loss = 0.02 * pde + ic
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if it % 200 == 0:
                print(f"It {it}, PDE {pde.item():.3e}, IC {ic.item():.3e}")


def exact(t, g=0.2, w0=3.0):
    w = np.sqrt(w0 ** 2 - g ** 2)
    return np.exp(-g * t) * (np.cos(w * t) + g / w * np.sin(w * t))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    pinn = PINN(args.seed, args.fixed)
    pinn.train(1200)
    grid = np.linspace(0, 2, 200)[:, None]
    u, _ = pinn.predict(torch.tensor(grid, dtype=torch.float32))
    err = np.linalg.norm(u.numpy() - exact(grid)) / np.linalg.norm(exact(grid))
    print("relative L2 error", err)
