# truth: faulty
# task: GAN (the original minimax game) on two moons, judged by a sliced distance
# wrong: eight updates of the discriminator with five times the generator's rate for each one of the generator, it wins at once (loss 1e-4)
# accept: discriminator_too_strong
# after: https://datascience.stackexchange.com/questions/104930/in-my-gan-model-the-discriminator-loss-quickly-descends-to-magnitudes-of-10
# metric: lower
import argparse
import torch
import torch.nn as nn
from sklearn.datasets import make_moons


class Generator(nn.Module):
    def __init__(self, z=4, width=64):
        super().__init__()
        self.z = z
        self.net = nn.Sequential(nn.Linear(z, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, n):
        return self.net(torch.randn(n, self.z))


class Discriminator(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2),
                                 nn.Linear(width, 1), nn.Sigmoid())

    def forward(self, x):
        return self.net(x).squeeze(1)


class GAN:
    def __init__(self, g_lr, d_lr, d_steps, batch=128):
        self.G, self.D = Generator(), Discriminator()
        self.opt_g = torch.optim.Adam(self.G.parameters(), lr=g_lr, betas=(0.5, 0.99))
        self.opt_d = torch.optim.Adam(self.D.parameters(), lr=d_lr, betas=(0.5, 0.99))
        self.bce = nn.BCELoss()
        self.d_steps = d_steps
        self.batch = batch
        self.one, self.zero = torch.ones(batch), torch.zeros(batch)

    def d_step(self, data):
        real = data[torch.randint(len(data), (self.batch,))]
        fake = self.G(self.batch).detach()
        loss = self.bce(self.D(real), self.one) + self.bce(self.D(fake), self.zero)
        self.opt_d.zero_grad()
        loss.backward()
        self.opt_d.step()
        return loss.item()

    def g_step(self):
        loss = -self.bce(self.D(self.G(self.batch)), self.zero)
        self.opt_g.zero_grad()
        loss.backward()
        self.opt_g.step()
        return loss.item()

    def fit(self, data, iterations):
        for it in range(iterations):
            for _ in range(self.d_steps):
                d = self.d_step(data)
            g = self.g_step()
            if it % 200 == 0:
                print(f"[{it}] D {d:.5f} G {g:.5f}")


def moons(n, seed):
    x = make_moons(n, noise=0.05, random_state=seed)[0]
    return torch.tensor(x, dtype=torch.float32) + torch.tensor([2.5, 2.5])


def sliced(a, b):
    v = torch.randn(2, 64)
    v = v / v.norm(dim=0)
    return ((a @ v).sort(0).values - (b @ v).sort(0).values).abs().mean().item()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--iterations", type=int, default=1000)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    gan = GAN(5e-4, 5e-4, 1) if args.fixed else GAN(5e-4, 2.5e-3, 8)
    gan.fit(moons(3000, args.seed), args.iterations)
    with torch.no_grad():
        samples = gan.G(2000)
    print(f"sliced distance to fresh points {sliced(samples, moons(2000, args.seed + 77)):.4f}")
