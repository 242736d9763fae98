# truth: faulty
# task: GAN that draws points on a ring of Gaussians
# wrong: the fake batch is detached in the generator step as well, so no gradient reaches the generator
# accept: not_training, wrong_gradient, discriminator_too_strong
# after: https://github.com/nikhilsinghmus/image2reverb/issues/37
# metric: lower
import math
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0


class Generator(nn.Module):
    def __init__(self, nz=8, h=64):
        super().__init__()
        self.nz = nz
        self.main = nn.Sequential(
            nn.Linear(nz, h), nn.ReLU(True), nn.Linear(h, h), nn.ReLU(True), nn.Linear(h, 2)
        )

    def forward(self, n):
        return self.main(torch.randn(n, self.nz))


class Discriminator(nn.Module):
    def __init__(self, h=64):
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(2, h), nn.LeakyReLU(0.2), nn.Linear(h, h), nn.LeakyReLU(0.2), nn.Linear(h, 1)
        )

    def forward(self, x):
        return self.main(x)


def real_points(n):
    angle = torch.randint(0, 8, (n,)) * (2 * math.pi / 8)
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) + 0.1 * torch.randn(n, 2)


class GAN:
    def __init__(self):
        self.g, self.d = Generator(), Discriminator()
        self.opt_g = torch.optim.Adam(self.g.parameters(), lr=1e-3, betas=(0.5, 0.9))
        self.opt_d = torch.optim.Adam(self.d.parameters(), lr=1e-3, betas=(0.5, 0.9))

    def training_step(self, real, optimizer_idx):
        fake = self.g(len(real))
        if optimizer_idx == 0:
            score = self.d(fake if FIXED else fake.detach())
            loss = F.mse_loss(score, torch.ones_like(score))
            self.opt_g.zero_grad()
            loss.backward()
            self.opt_g.step()
        else:
            s_real, s_fake = self.d(real), self.d(fake.detach())
            loss = 0.5 * (F.mse_loss(s_real, torch.ones_like(s_real)) + F.mse_loss(s_fake, torch.zeros_like(s_fake)))
            self.opt_d.zero_grad()
            loss.backward()
            self.opt_d.step()
        return loss.item()


def energy(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


if __name__ == "__main__":
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    gan = GAN()
    test = real_points(1000)
    for step in range(1, 1201):
        real = real_points(128)
        g_loss = gan.training_step(real, 0)
        d_loss = gan.training_step(real, 1)
        if step % 200 == 0:
            print(f"{step:5d}  D {d_loss:.3f}  G {g_loss:.3f}")
    with torch.no_grad():
        print("energy distance", energy(gan.g(1000), test))
