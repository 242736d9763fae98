# truth: faulty
# task: Wasserstein GAN with weight clipping on points of a shifted ring in the plane
# wrong: the generator minimises +E[critic(fake)] while the critic already pushes it down on fakes: sign of the generator's objective
# accept: wrong_gradient, loss_without_bound, discriminator_too_strong
# after: https://github.com/Zeleni9/pytorch-wgan/issues/51 (WGAN with clipping should backward the negative critic loss for generator training)
# metric: lower
import sys

import torch
from torch import nn

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)

N_CRITIC, CLIP, BATCH, ITERS = 5, 0.1, 128, 1200


def real_points(n):
    angle = torch.rand(n) * 2 * torch.pi
    radius = 1.0 + 0.05 * torch.randn(n)
    return torch.stack([radius * angle.cos() + 1.5, radius * angle.sin() - 0.5], 1)


generator = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
critic = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
g_opt = torch.optim.RMSprop(generator.parameters(), lr=5e-4)
d_opt = torch.optim.RMSprop(critic.parameters(), lr=5e-4)


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def evaluate(n=1000):
    with torch.no_grad():
        return energy_distance(generator(torch.randn(n, 4)), real_points(n))


one = torch.tensor(1.0)
mone = one * -1

for it in range(ITERS):
    for p in critic.parameters():
        p.requires_grad = True
    for _ in range(N_CRITIC):
        for p in critic.parameters():
            p.data.clamp_(-CLIP, CLIP)
        critic.zero_grad()
        d_real = critic(real_points(BATCH)).mean()
        d_real.backward(mone)
        d_fake = critic(generator(torch.randn(BATCH, 4)).detach()).mean()
        d_fake.backward(one)
        d_opt.step()
    for p in critic.parameters():
        p.requires_grad = False
    generator.zero_grad()
    g_loss = critic(generator(torch.randn(BATCH, 4))).mean()
    g_loss.backward(mone if FIXED else one)
    g_opt.step()
    if (it + 1) % 200 == 0:
        print(f"iter {it + 1}: W {d_real.item() - d_fake.item():.4f}  g {g_loss.item():.4f}  energy {evaluate():.4f}")

print(f"energy distance to the data: {evaluate(2000):.5f}")
