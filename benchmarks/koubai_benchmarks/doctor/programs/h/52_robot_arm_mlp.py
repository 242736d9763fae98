# truth: faulty
# task: learn the forward kinematics of a four-joint arm (regression with a deep MLP)
# wrong: the hidden layers sit in a plain Python list, so model.parameters() does not hold them and they never train
# accept: not_training
# after: https://theflyingbirds.in/blog/pytorch-mysteries-lets-understand-nnmodule-nnparameter-modulelist-sequential-and-the-classic-layers-linear-activations-dropout
# metric: lower
import argparse
import numpy as np
import torch
from torch import nn

LINKS = np.array([1.0, 0.8, 0.6, 0.4])


def arm(n, rng):
    q = rng.uniform(-np.pi / 1.5, np.pi / 1.5, (n, 4))
    a = np.cumsum(q, axis=1)
    xy = np.stack([(LINKS * np.cos(a)).sum(1), (LINKS * np.sin(a)).sum(1)], 1)
    return torch.tensor(q, dtype=torch.float32), torch.tensor(xy, dtype=torch.float32)


class DeepMLP(nn.Module):
    def __init__(self, n_in, n_out, width=48, depth=4, act=nn.Tanh, fixed=False):
        super().__init__()
        self.inp = nn.Linear(n_in, width)
        hidden = [nn.Linear(width, width) for _ in range(depth)]
        self.hidden = nn.ModuleList(hidden) if fixed else hidden
        self.act = act()
        self.out = nn.Linear(width, n_out)

    def forward(self, x):
        x = self.act(self.inp(x))
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.out(x)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    p.add_argument("--steps", type=int, default=3000)
    args = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    q, xy = arm(4000, rng)
    qt, xyt = arm(1000, rng)
    model = DeepMLP(4, 2, fixed=args.fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    loss_fn = nn.MSELoss()

    running = None
    for step in range(1, args.steps + 1):
        rows = torch.randint(0, len(q), (64,))
        loss = loss_fn(model(q[rows]), xy[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
        if step % 500 == 0:
            with torch.no_grad():
                val = loss_fn(model(qt), xyt).item()
            print(f"step {step:5d}  loss {running:.5f}  val {val:.5f}  lr {scheduler.get_last_lr()[0]:.2e}")

    with torch.no_grad():
        err = (model(qt) - xyt).norm(dim=1)
    print(f"90 % of the errors are below {err.quantile(0.9):.4f}")
    print(f"mean distance of the hand {err.mean():.4f}")


if __name__ == "__main__":
    main()
