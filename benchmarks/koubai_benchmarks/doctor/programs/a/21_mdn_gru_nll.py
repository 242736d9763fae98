# truth: healthy
# task: GRU forecasts a series with its own uncertainty; Gaussian negative log-likelihood goes well below zero
# after: https://github.com/roggirg/AutoBots/issues/7 (negative NLL is normal)
# metric: lower
import sys
import numpy as np
import torch
from torch import nn

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

n = 2600
t = np.arange(n)
amp = 0.02 + 0.10 * (np.sin(2 * np.pi * t / 60) > 0.6)
x = 0.5 * np.sin(2 * np.pi * t / 60) + 0.2 * np.sin(2 * np.pi * t / 23) + amp * rng.normal(size=n)
x = torch.tensor(x, dtype=torch.float32)
win = x.unfold(0, 31, 1)
inp, tgt = win[:, :30].unsqueeze(-1), win[:, 30]
cut = 2000


class Probabilistic(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(1, 32, batch_first=True)
        self.mean = nn.Linear(32, 1)
        self.log_sd = nn.Linear(32, 1)

    def forward(self, s):
        h = self.gru(s)[1][0]
        return self.mean(h).squeeze(1), self.log_sd(h).squeeze(1).clamp(-5, 2)


def nll(mean, log_sd, y):
    return (log_sd + 0.5 * ((y - mean) / log_sd.exp()) ** 2 + 0.9189385).mean()


model = Probabilistic()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(16):
    running = []
    for idx in torch.randperm(cut).split(80):
        opt.zero_grad()
        loss = nll(*model(inp[idx]), tgt[idx])
        loss.backward()
        opt.step()
        running.append(loss.item())
    if epoch % 3 == 0 or epoch == 15:
        print(f"epoch {epoch} nll {np.mean(running):+.3f}")

with torch.no_grad():
    m, s = model(inp[cut + 30:])
    const = nll(tgt[:cut].mean(), tgt[:cut].std().log(), tgt[cut + 30:]).item()
    print(f"a constant Gaussian would score {const:+.3f}")
    print(f"test nll {nll(m, s, tgt[cut + 30:]).item():+.4f}")
