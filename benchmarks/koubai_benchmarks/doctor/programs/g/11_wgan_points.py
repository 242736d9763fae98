# truth: faulty
# task: Wasserstein GAN (weight clipping) on eight Gaussians in the plane
# wrong: the generator minimizes the critic's score of its points, the wrong direction (a minus is missing), it runs away from the data
# accept: none
# after: https://github.com/Zeleni9/pytorch-wgan/issues/51
# metric: lower
import argparse
import math
import torch
from torch import nn

cfg = argparse.ArgumentParser()
cfg.add_argument('--seed', type=int, default=0)
cfg.add_argument('--fixed', action='store_true')
cfg.add_argument('--n_critic', type=int, default=4)
cfg.add_argument('--clip', type=float, default=0.1)
cfg.add_argument('--iterations', type=int, default=900)
cfg = cfg.parse_args()
torch.set_num_threads(1)
torch.manual_seed(cfg.seed)


def ring(n):
    k = torch.randint(8, (n,)) * (2 * math.pi / 8)
    centers = torch.stack([k.cos(), k.sin()], 1)
    return 1.5 * centers + 0.08 * torch.randn(n, 2)


def sliced_distance(a, b, directions=100):
    v = torch.randn(2, directions)
    v = v / v.norm(dim=0)
    pa = (a @ v).sort(0).values
    pb = (b @ v).sort(0).values
    return (pa - pb).abs().mean().item()


class Generator(nn.Module):
    def __init__(self, z=4, width=64, box=2.5):
        super().__init__()
        self.z, self.box = z, box
        self.net = nn.Sequential(nn.Linear(z, width), nn.ReLU(),
                                 nn.Linear(width, width), nn.ReLU(),
                                 nn.Linear(width, 2), nn.Tanh())

    def forward(self, n):
        return self.box * self.net(torch.randn(n, self.z))


generator = Generator()
critic = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2),
                       nn.Linear(64, 64), nn.LeakyReLU(0.2),
                       nn.Linear(64, 1))
g_opt = torch.optim.RMSprop(generator.parameters(), lr=5e-4)
c_opt = torch.optim.RMSprop(critic.parameters(), lr=1e-3)

for it in range(cfg.iterations):
    for _ in range(cfg.n_critic):
        real = ring(128)
        with torch.no_grad():
            fake = generator(128)
        c_loss = critic(fake).mean() - critic(real).mean()
        c_opt.zero_grad()
        c_loss.backward()
        c_opt.step()
        with torch.no_grad():
            for p in critic.parameters():
                p.clamp_(-cfg.clip, cfg.clip)

    score = critic(generator(128)).mean()
    g_loss = -score if cfg.fixed else score
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
    if it % 150 == 0:
        print('[%4d/%d] critic %.4f generator %.4f' % (it, cfg.iterations, c_loss.item(), g_loss.item()))

with torch.no_grad():
    generated = generator(4000)
print('sliced wasserstein distance: %.4f' % sliced_distance(generated, ring(4000)))
