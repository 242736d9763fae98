# truth: faulty
# task: a neural ODE learns the vector field of a damped cubic oscillator from short pieces of trajectories
# wrong: the exponential schedule that is meant for epochs is stepped after every batch, so the rate is gone after a few dozen updates
# accept: schedule_too_fast, learning_rate_too_low
# after: https://github.com/ivadomed/ivadomed/pull/55
# metric: lower
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


def rk4(f, y, dt, steps):
    out = [y]
    for _ in range(steps):
        k1 = f(y)
        k2 = f(y + 0.5 * dt * k1)
        k3 = f(y + 0.5 * dt * k2)
        k4 = f(y + dt * k3)
        y = y + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        out.append(y)
    return torch.stack(out, 1)


def true_field(y):
    a = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
    return (y ** 3) @ a.T


def trajectories(n, dt, steps):
    y0 = torch.empty(n, 2).uniform_(-1.6, 1.6)
    return rk4(true_field, y0, dt / 5, 5 * steps)[:, ::5]


class ODEFunc(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(),
                                 nn.Linear(width, 2))
        for m in self.net:
            if isinstance(m, nn.Linear):
                nn.init.xavier_normal_(m.weight)
                nn.init.zeros_(m.bias)

    def forward(self, y):
        return self.net(y ** 3)


class Runner:
    def __init__(self, func, lr, gamma, dt, per_batch):
        self.func, self.dt, self.per_batch = func, dt, per_batch
        self.opt = torch.optim.Adam(func.parameters(), lr=lr)
        self.sched = torch.optim.lr_scheduler.ExponentialLR(self.opt, gamma)

    def epoch(self, loader):
        total = 0.0
        for (traj,) in loader:
            pred = rk4(self.func, traj[:, 0], self.dt, traj.size(1) - 1)
            loss = (pred - traj).abs().mean()
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            if self.per_batch:
                self.sched.step()
            total += loss.item()
        if not self.per_batch:
            self.sched.step()
        return total / len(loader)

    @torch.no_grad()
    def test(self, traj):
        pred = rk4(self.func, traj[:, 0], self.dt, traj.size(1) - 1)
        return (pred - traj).abs().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--epochs", type=int, default=14)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    dt = 0.06
    loader = DataLoader(TensorDataset(trajectories(640, dt, 5)), batch_size=32, shuffle=True)
    held = trajectories(200, dt, 30)
    runner = Runner(ODEFunc(), lr=8e-3, gamma=0.9, dt=dt, per_batch=not args.fixed)
    for e in range(args.epochs):
        loss = runner.epoch(loader)
        if e % 5 == 0:
            print(f"epoch {e} loss {loss:.5f} lr {runner.sched.get_last_lr()[0]:.2e}")
    print(f"mean error of held-out trajectories {runner.test(held):.5f}")


if __name__ == "__main__":
    main()
