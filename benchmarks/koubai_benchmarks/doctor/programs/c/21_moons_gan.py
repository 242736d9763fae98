# truth: healthy
# task: GAN whose generator learns the two moons (neither loss falls, that is as it should be)
# after: own idea (no particular thread)
# metric: lower
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons


def mlp(n_in, n_out, width=64):
    return nn.Sequential(nn.Linear(n_in, width), nn.LeakyReLU(0.2),
                         nn.Linear(width, width), nn.LeakyReLU(0.2),
                         nn.Linear(width, n_out))


def sliced_wasserstein(a, b, n_dir=64):
    theta = torch.linspace(0, 3.14159, n_dir)
    dirs = torch.stack([theta.cos(), theta.sin()])
    pa, pb = (a @ dirs).sort(0).values, (b @ dirs).sort(0).values
    return (pa - pb).abs().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    real, _ = make_moons(3000, noise=0.05, random_state=args.seed)
    real = torch.tensor(real, dtype=torch.float32)
    real = (real - real.mean(0)) / real.std(0)
    real, held = real[:2000], real[2000:]

    G, D = mlp(4, 2), mlp(2, 1)
    opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
    opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.99))
    with torch.no_grad():
        start = sliced_wasserstein(G(torch.randn(1000, 4)), held)
    print(f"before training, distance to the data {start:.4f}")

    for step in range(1, 1001):
        x = real[torch.randint(0, len(real), (128,))]
        fake = G(torch.randn(128, 4))
        d_loss = F.softplus(-D(x)).mean() + F.softplus(D(fake.detach())).mean()
        opt_d.zero_grad()
        d_loss.backward()
        opt_d.step()

        g_loss = F.softplus(-D(G(torch.randn(128, 4)))).mean()
        opt_g.zero_grad()
        g_loss.backward()
        opt_g.step()
        if step % 200 == 0:
            print(f"step {step}  d {d_loss.item():.4f}  g {g_loss.item():.4f}")

    with torch.no_grad():
        print(f"distance to held-out data {sliced_wasserstein(G(torch.randn(1000, 4)), held):.4f}")


if __name__ == "__main__":
    main()
