# truth: healthy
# task: mixture density network on an inverse problem; its loss goes below zero because densities exceed one
# after: https://github.com/bayesiains/nflows/issues/76 ("Is having negative loss okay?")
# metric: lower
import sys

import torch
from torch import nn
from torch.distributions import Categorical, MixtureSameFamily, Normal

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)


def samples(n):
    y = torch.rand(n, 1)
    x = y + 0.3 * torch.sin(2 * torch.pi * y) + 0.01 * torch.randn(n, 1)
    return x, y


class MDN(nn.Module):
    def __init__(self, components=6, hidden=48):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.pi = nn.Linear(hidden, components)
        self.mu = nn.Linear(hidden, components)
        self.log_sigma = nn.Linear(hidden, components)
        nn.init.uniform_(self.mu.bias, 0.0, 1.0)

    def forward(self, x):
        h = self.body(2 * x - 1)
        return MixtureSameFamily(Categorical(logits=self.pi(h)),
                                 Normal(self.mu(h), self.log_sigma(h).clamp(-5, 2).exp()))


x_train, y_train = samples(2000)
x_test, y_test = samples(1000)
mdn = MDN()
optimizer = torch.optim.Adam(mdn.parameters(), lr=4e-3)
for step in range(1, 901):
    i = torch.randint(0, len(x_train), (200,))
    nll = -mdn(x_train[i]).log_prob(y_train[i].squeeze(1)).mean()
    optimizer.zero_grad()
    nll.backward()
    nn.utils.clip_grad_norm_(mdn.parameters(), 5.0)
    optimizer.step()
    if step % 150 == 0:
        print("step", step, "nll", round(nll.item(), 4))

with torch.no_grad():
    test_nll = -mdn(x_test).log_prob(y_test.squeeze(1)).mean().item()
    wide = Normal(y_train.mean(), y_train.std())
    print("one gaussian for all:", round(-wide.log_prob(y_test).mean().item(), 4))
print("test nll:", round(test_nll, 4))
