# truth: healthy
# task: recover length and friction of a pendulum (two parameters) from noisy swings by differentiating through the simulation
# metric: lower
import argparse
import math

import torch
from torch import nn


class Pendulum(nn.Module):
    def __init__(self, length=2.0, friction=0.5):
        super().__init__()
        self.log_length = nn.Parameter(torch.tensor(math.log(length)))
        self.log_friction = nn.Parameter(torch.tensor(math.log(friction)))

    def forward(self, angle, steps, dt=0.05):
        k, c = 9.81 / self.log_length.exp(), self.log_friction.exp()
        speed = torch.zeros_like(angle)
        path = []
        for _ in range(steps):
            speed = speed + dt * (-k * torch.sin(angle) - c * speed)
            angle = angle + dt * speed
            path.append(angle)
        return torch.stack(path, dim=1)


def main(seed):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    real = Pendulum(1.3, 0.2)

    def swings(n, steps):
        start = (torch.rand(n) * 2 - 1) * 1.5
        with torch.no_grad():
            clean = real(start, steps)
        return start, clean, clean + 0.05 * torch.randn_like(clean)

    model = Pendulum()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    horizon = 10
    for step in range(300):
        if step in (60, 120):
            horizon += 10
        start, _, noisy = swings(8, horizon)
        loss = (model(start, horizon) - noisy).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 30 == 0:
            print(f"step {step} horizon {horizon} loss {loss.item():.5f} "
                  f"length {model.log_length.exp().item():.3f} friction {model.log_friction.exp().item():.3f}")
    start, clean, _ = swings(200, 60)
    with torch.no_grad():
        print("error of the initial guess", (Pendulum()(start, 60) - clean).pow(2).mean().item())
        print("error on new swings", (model(start, 60) - clean).pow(2).mean().item())


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    main(cli.parse_args().seed)
