# truth: healthy
# task: echo state network recalls the input of five steps ago mixed with its square; the recurrent part is random and frozen on purpose
# after: https://github.com/tensorflow/addons/pull/1811 (echo state network: fixed random recurrent part)
# metric: lower
import sys

import torch
import torch.nn as nn


class Reservoir(nn.Module):
    def __init__(self, n_in, n_res, spectral=0.9):
        super().__init__()
        self.rnn = nn.RNN(n_in, n_res, batch_first=True)
        with torch.no_grad():
            w = torch.randn(n_res, n_res) * (torch.rand(n_res, n_res) < 0.1)
            self.rnn.weight_hh_l0.copy_(w * spectral / torch.linalg.eigvals(w).abs().max())
            self.rnn.weight_ih_l0.uniform_(-0.5, 0.5)
        for p in self.rnn.parameters():
            p.requires_grad_(False)
        self.readout = nn.Linear(n_res, 1)

    def forward(self, u):
        return self.readout(self.rnn(u)[0]).squeeze(-1)


def task(n, T):
    u = torch.rand(n, T, 1) * 2 - 1
    s = u.squeeze(-1)
    y = torch.zeros(n, T)
    y[:, 5:] = s[:, :-5] + 0.5 * s[:, 3:-2] ** 2
    return u, y


seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
net = Reservoir(1, 200)
opt = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=1e-2)
mse = nn.MSELoss()
for step in range(1, 451):
    u, y = task(16, 60)
    loss = mse(net(u)[:, 10:], y[:, 10:])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 0:
        print("step %d loss %.5f" % (step, loss.item()))

with torch.no_grad():
    u, y = task(200, 60)
    print("variance of the target %.4f" % y[:, 10:].var().item())
    print("test mse %.5f" % mse(net(u)[:, 10:], y[:, 10:]).item())
