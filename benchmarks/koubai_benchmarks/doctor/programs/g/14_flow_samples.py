# truth: faulty
# task: affine coupling flow on two moons, judged by its samples
# wrong: the log-determinant enters the negative log-likelihood with the wrong sign, contraction is rewarded without end
# accept: loss_without_bound
# after: https://github.com/VincentStimper/normalizing-flows/pull/28
# metric: lower
import sys
import math
import torch
from torch import nn
from sklearn.datasets import make_moons

SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
FIXED = "--fixed" in sys.argv
torch.set_num_threads(1)
torch.manual_seed(SEED)


class Coupling(nn.Module):
    def __init__(self, flip, hidden=48):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 2))
        self.gain = nn.Parameter(torch.ones(1))

    def parts(self, x):
        a, b = x[:, :1], x[:, 1:]
        return (b, a) if self.flip else (a, b)

    def join(self, a, b):
        return torch.cat([b, a], 1) if self.flip else torch.cat([a, b], 1)

    def forward(self, x):
        a, b = self.parts(x)
        s, t = self.net(a).chunk(2, 1)
        s = torch.tanh(s) * self.gain
        return self.join(a, b * s.exp() + t), s.sum(1)

    def inverse(self, z):
        a, b = self.parts(z)
        s, t = self.net(a).chunk(2, 1)
        s = torch.tanh(s) * self.gain
        return self.join(a, (b - t) * (-s).exp())


class Flow(nn.Module):
    def __init__(self, depth=6):
        super().__init__()
        self.layers = nn.ModuleList([Coupling(i % 2 == 1) for i in range(depth)])

    def nll(self, x):
        logdet = torch.zeros(len(x))
        for layer in self.layers:
            x, ld = layer(x)
            logdet = logdet + ld
        prior = 0.5 * (x ** 2).sum(1) + math.log(2 * math.pi)
        return (prior - logdet if FIXED else prior + logdet).mean()

    @torch.no_grad()
    def sample(self, n):
        z = torch.randn(n, 2)
        for layer in reversed(self.layers):
            z = layer.inverse(z)
        return z


def data(n, seed):
    x = torch.tensor(make_moons(n, noise=0.07, random_state=seed)[0], dtype=torch.float32)
    return (x - torch.tensor([0.5, 0.25])) / torch.tensor([0.87, 0.5])


def sliced(a, b):
    angle = torch.linspace(0, math.pi, 50)
    v = torch.stack([angle.cos(), angle.sin()])
    return ((a @ v).sort(0).values - (b @ v).sort(0).values).abs().mean().item()


flow = Flow()
opt = torch.optim.Adam(flow.parameters(), lr=3e-3)
x = data(3000, SEED)
history = []
for it in range(800):
    batch = x[torch.randint(len(x), (128,))]
    loss = flow.nll(batch)
    opt.zero_grad()
    loss.backward()
    opt.step()
    history.append(loss.item())
    if it % 100 == 99:
        print("it", it + 1, "nll", round(sum(history[-100:]) / 100, 4))

fresh = data(2000, SEED + 500)
print("distance of samples to fresh data", round(sliced(flow.sample(2000), fresh), 4))
