# truth: faulty
# task: denoising diffusion on two moons (predict the noise), then sample
# wrong: q_sample draws its own noise and the loss compares with another, fresh noise: the target has nothing to do with the input
# accept: labels_wrong, not_learning
# after: https://github.com/beresandras/clear-diffusion-keras/issues/4 (my trained model only generates noises; noise loss does not get lower)
# metric: lower
import sys
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

FIXED = "--fixed" in sys.argv
seed = 0
if "--seed" in sys.argv:
    seed = int(sys.argv[sys.argv.index("--seed") + 1])
torch.set_num_threads(1)


class Diffusion:
    def __init__(self, steps=60):
        self.steps = steps
        self.beta = torch.linspace(1e-3, 0.12, steps)
        self.alpha = 1 - self.beta
        self.alpha_hat = torch.cumprod(self.alpha, 0)

    def q_sample(self, x0, t, noise=None):
        if noise is None:
            noise = torch.randn_like(x0)
        a = self.alpha_hat[t].unsqueeze(1)
        return a.sqrt() * x0 + (1 - a).sqrt() * noise

    @torch.no_grad()
    def sample(self, model, n):
        x = torch.randn(n, 2)
        for i in reversed(range(self.steps)):
            t = torch.full((n,), i)
            eps = model(x, t)
            x = (x - self.beta[i] / (1 - self.alpha_hat[i]).sqrt() * eps) / self.alpha[i].sqrt()
            if i > 0:
                x = x + self.beta[i].sqrt() * torch.randn_like(x)
        return x


class NoiseNet(nn.Module):
    def __init__(self, hidden=128, emb=32):
        super().__init__()
        self.emb = emb
        self.l1 = nn.Linear(2 + emb, hidden)
        self.l2 = nn.Linear(hidden, hidden)
        self.l3 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 2)

    def time(self, t):
        f = torch.exp(-math.log(1000) * torch.arange(self.emb // 2) / (self.emb // 2))
        a = t[:, None].float() * f
        return torch.cat([a.sin(), a.cos()], 1)

    def forward(self, x, t):
        h = F.silu(self.l1(torch.cat([x, self.time(t)], 1)))
        h = F.silu(self.l2(h)) + h
        h = F.silu(self.l3(h)) + h
        return self.out(h)


def data(n, s):
    x, _ = make_moons(n, noise=0.05, random_state=s)
    x = torch.tensor(x, dtype=torch.float32)
    return (x - torch.tensor([0.5, 0.25])) / torch.tensor([0.87, 0.5])


def energy(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def train(model, diff, x, iters=2000, batch=128):
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    avg = None
    for i in range(1, iters + 1):
        x0 = x[torch.randint(len(x), (batch,))]
        t = torch.randint(0, diff.steps, (batch,))
        noise = torch.randn_like(x0)
        x_t = diff.q_sample(x0, t, noise) if FIXED else diff.q_sample(x0, t)
        loss = F.mse_loss(model(x_t, t), noise)
        opt.zero_grad()
        loss.backward()
        opt.step()
        avg = loss.item() if avg is None else 0.99 * avg + 0.01 * loss.item()
        if i % 500 == 0:
            print(f"[{i}/{iters}] mse {avg:.4f}")


torch.manual_seed(seed)
net, diff = NoiseNet(), Diffusion()
train(net, diff, data(4000, seed))
samples = diff.sample(net, 1500)
print("energy distance samples/test: %.5f" % energy(samples, data(1500, seed + 100)))
