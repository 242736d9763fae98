# truth: healthy
# task: a Wasserstein GAN with gradient penalty learns a ring of Gaussians; five critic steps for each generator step
# after: https://github.com/caogang/wgan-gp
# metric: lower
import argparse
import math

import torch
import torch.nn as nn

torch.set_num_threads(1)


class RingOfGaussians:
    def __init__(self, modes=8, radius=1.5, std=0.08):
        ang = torch.arange(modes) * 2 * math.pi / modes
        self.centers = radius * torch.stack([ang.cos(), ang.sin()], 1)
        self.std = std

    def sample(self, n):
        k = torch.randint(len(self.centers), (n,))
        return self.centers[k] + self.std * torch.randn(n, 2)


def net(din, dout, width, act):
    return nn.Sequential(nn.Linear(din, width), act, nn.Linear(width, width), act, nn.Linear(width, dout))


class WGAN:
    def __init__(self, lr, lam, z_dim=4, width=64):
        self.z_dim, self.lam = z_dim, lam
        self.gen = net(z_dim, 2, width, nn.ReLU())
        self.critic = net(2, 1, width, nn.LeakyReLU(0.2))
        self.og = torch.optim.Adam(self.gen.parameters(), lr=lr, betas=(0.5, 0.9))
        self.oc = torch.optim.Adam(self.critic.parameters(), lr=lr, betas=(0.5, 0.9))

    def generate(self, n):
        return self.gen(torch.randn(n, self.z_dim))

    def gradient_penalty(self, real, fake):
        eps = torch.rand(len(real), 1)
        mid = (eps * real + (1 - eps) * fake).requires_grad_(True)
        grad, = torch.autograd.grad(self.critic(mid).sum(), mid, create_graph=True)
        return ((grad.norm(2, dim=1) - 1) ** 2).mean()

    def update_critic(self, real):
        with torch.no_grad():
            fake = self.generate(len(real))
        w = self.critic(real).mean() - self.critic(fake).mean()
        loss = -w + self.lam * self.gradient_penalty(real, fake)
        self.oc.zero_grad()
        loss.backward()
        self.oc.step()
        return w.item()

    def update_generator(self, n):
        loss = -self.critic(self.generate(n)).mean()
        self.og.zero_grad()
        loss.backward()
        self.og.step()
        return loss.item()


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--iters", type=int, default=300)
    ap.add_argument("--critic-steps", type=int, default=5)
    ap.add_argument("--batch", type=int, default=96)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    data, gan = RingOfGaussians(), WGAN(lr=2e-3, lam=1.0)
    start = energy_distance(data.sample(1000), gan.generate(1000).detach())
    for it in range(args.iters):
        for _ in range(args.critic_steps):
            w = gan.update_critic(data.sample(args.batch))
        g = gan.update_generator(args.batch)
        if it % 60 == 0:
            print(f"{it:4d} wasserstein estimate {w:.4f} generator loss {g:.4f}")
    end = energy_distance(data.sample(1500), gan.generate(1500).detach())
    print(f"energy distance before {start:.4f} after {end:.4f}")


if __name__ == "__main__":
    main()
