# truth: healthy
# task: echo state network: a fixed random reservoir, only the readout is trained to foresee the Mackey-Glass series
# after: https://github.com/stefanonardo/pytorch-esn
# metric: lower
import argparse
from collections import deque

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


def mackey_glass(length, seed, tau=17, skip=300):
    g = torch.Generator().manual_seed(seed)
    history = deque((1.1 + 0.2 * torch.rand(tau + 1, generator=g)).tolist(), maxlen=tau + 1)
    out = []
    for _ in range(length + skip):
        x, old = history[-1], history[0]
        history.append(x + 0.2 * old / (1 + old ** 10) - 0.1 * x)
        out.append(history[-1])
    s = torch.tensor(out[skip:])
    return (s - s.mean()) / s.std()


class Reservoir(nn.Module):
    def __init__(self, size=200, radius=0.9, leak=0.4, density=0.1):
        super().__init__()
        w = torch.randn(size, size) * (torch.rand(size, size) < density)
        w = w * radius / torch.linalg.eigvals(w).abs().max()
        self.w_in = nn.Parameter(torch.rand(size, 1) - 0.5, requires_grad=False)
        self.w = nn.Parameter(w, requires_grad=False)
        self.bias = nn.Parameter(0.2 * (torch.rand(size) - 0.5), requires_grad=False)
        self.leak = leak

    def forward(self, series):
        h = torch.zeros(self.w.size(0))
        states = []
        for u in series:
            h = (1 - self.leak) * h + self.leak * torch.tanh(self.w @ h + self.w_in[:, 0] * u + self.bias)
            states.append(h)
        return torch.stack(states)


class EchoStateNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.reservoir = Reservoir()
        self.readout = nn.Linear(200, 1)

    def forward(self, states):
        return self.readout(states).squeeze(-1)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--horizon", type=int, default=6)
    ap.add_argument("--washout", type=int, default=100)
    ap.add_argument("--epochs", type=int, default=80)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    series = mackey_glass(2400, args.seed)
    esn = EchoStateNetwork()
    with torch.no_grad():
        states = esn.reservoir(series[:-args.horizon])[args.washout:]
    target = series[args.horizon:][args.washout:]
    cut = int(0.75 * len(target))

    trainable = [p for p in esn.parameters() if p.requires_grad]
    print("trainable values:", sum(p.numel() for p in trainable), "of", sum(p.numel() for p in esn.parameters()))
    opt = torch.optim.Adam(trainable, lr=1e-2)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs)
    for epoch in range(args.epochs):
        for idx in torch.randperm(cut).split(64):
            loss = F.mse_loss(esn(states[idx]), target[idx]) + 1e-6 * esn.readout.weight.pow(2).sum()
            opt.zero_grad()
            loss.backward()
            opt.step()
        sched.step()
        if epoch % 16 == 15:
            print(f"epoch {epoch + 1} loss {loss.item():.5f}")
    with torch.no_grad():
        nmse = F.mse_loss(esn(states[cut:]), target[cut:]) / target[cut:].var()
    print(f"normalised error on the rest of the series {nmse.item():.5f}")
