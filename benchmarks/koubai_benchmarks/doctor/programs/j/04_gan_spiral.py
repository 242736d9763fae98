# truth: faulty
# task: a GAN learns points of a curve that is embedded in sixteen dimensions
# wrong: the discriminator takes eight steps of a ten times larger rate for each step of the generator; it tells all fakes and the generator gets no useful gradient
# accept: discriminator_too_strong, vanishing_gradient
# after: https://github.com/simontomaskarlsson/GAN-MRI/issues/11
# metric: lower
import argparse
import math

import torch
import torch.nn as nn

torch.set_num_threads(1)


class Curve:
    def __init__(self, dim=16):
        self.basis = torch.linalg.qr(torch.randn(dim, dim))[0][:3]

    def sample(self, n):
        t = torch.rand(n, 1) * 2 * math.pi
        pts = torch.cat([torch.cos(t), torch.sin(t), 0.6 * torch.sin(2 * t)], 1)
        return (pts + 0.03 * torch.randn_like(pts)) @ self.basis * 1.5


def mlp(sizes, act):
    layers = []
    for a, b in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(a, b), act()]
    return nn.Sequential(*layers[:-1])


def energy_distance(a, b):
    def md(x, y):
        return torch.cdist(x, y).mean()
    return (2 * md(a, b) - md(a, a) - md(b, b)).item()


class GANTrainer:
    def __init__(self, data, d_steps, lr_d, lr_g, latent=4):
        self.data, self.d_steps, self.latent = data, d_steps, latent
        self.G = mlp([latent, 64, 64, 16], nn.ReLU)
        self.D = mlp([16, 96, 96, 1], lambda: nn.LeakyReLU(0.2))
        self.opt_g = torch.optim.Adam(self.G.parameters(), lr=lr_g, betas=(0.5, 0.999))
        self.opt_d = torch.optim.Adam(self.D.parameters(), lr=lr_d, betas=(0.5, 0.999))
        self.bce = nn.BCEWithLogitsLoss()

    def fake(self, n):
        return self.G(torch.randn(n, self.latent))

    def step_d(self, n):
        real, fake = self.D(self.data.sample(n)), self.D(self.fake(n).detach())
        loss = self.bce(real, torch.ones_like(real)) + self.bce(fake, torch.zeros_like(fake))
        self.opt_d.zero_grad()
        loss.backward()
        self.opt_d.step()
        return loss.item()

    def step_g(self, n):
        score = self.D(self.fake(n))
        loss = -self.bce(score, torch.zeros_like(score))
        self.opt_g.zero_grad()
        loss.backward()
        self.opt_g.step()
        return loss.item()

    def fit(self, iters, n=64):
        for i in range(iters):
            for _ in range(self.d_steps):
                d = self.step_d(n)
            g = self.step_g(n)
            if i % max(1, iters // 8) == 0:
                print(f"{i:5d}  d_loss {d:.4f}  g_loss {g:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    curve = Curve()
    if args.fixed:
        trainer = GANTrainer(curve, d_steps=1, lr_d=5e-4, lr_g=5e-4)
    else:
        trainer = GANTrainer(curve, d_steps=8, lr_d=5e-3, lr_g=5e-4)
    trainer.fit(650)
    with torch.no_grad():
        print(f"energy distance to fresh data {energy_distance(curve.sample(1500), trainer.fake(1500)):.4f}")
