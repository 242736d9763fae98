# truth: healthy
# task: flow matching from a Gaussian to two rings; the loss is dominated by a variance nobody can predict and soon rests well above zero
# metric: lower
import argparse

import torch
from sklearn.datasets import make_circles


class Velocity(torch.nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.inp = torch.nn.Linear(5, width)
        self.hid = torch.nn.ModuleList([torch.nn.Linear(width, width) for _ in range(2)])
        self.out = torch.nn.Linear(width, 2)

    def forward(self, x, t):
        h = torch.cat([x, t, torch.sin(6.283 * t), torch.cos(6.283 * t)], 1)
        h = torch.nn.functional.gelu(self.inp(h))
        for layer in self.hid:
            h = h + torch.nn.functional.gelu(layer(h))
        return self.out(h)


def rings(n, state):
    pts, _ = make_circles(n, factor=0.45, noise=0.04, random_state=state)
    return torch.tensor(pts * 1.6, dtype=torch.float32)


@torch.no_grad()
def generate(net, n, steps=40):
    x = torch.randn(n, 2)
    for k in range(steps):
        x = x + net(x, torch.full((n, 1), (k + 0.5) / steps)) / steps
    return x


def energy(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    seed = p.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    data = rings(4000, seed)
    net = Velocity()
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 1200)
    window = []
    for it in range(1, 1201):
        x1 = data[torch.randint(len(data), (200,))]
        x0 = torch.randn_like(x1)
        t = torch.rand(len(x1), 1)
        loss = (net((1 - t) * x0 + t * x1, t) - (x1 - x0)).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        window.append(loss.item())
        if it % 200 == 0:
            print(f"{it} loss {sum(window[-200:]) / 200:.4f}")
    print(f"energy distance to fresh points {energy(generate(net, 1500), rings(1500, seed + 50)):.5f}")


if __name__ == "__main__":
    main()
