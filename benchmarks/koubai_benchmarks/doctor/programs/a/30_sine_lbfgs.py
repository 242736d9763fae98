# truth: healthy
# task: two LSTM cells learn sine waves in double precision with L-BFGS and a rate of 0.8, then run on by themselves
# after: https://github.com/pytorch/examples/issues/199 (time_sequence_prediction)
# metric: lower
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim


class Sequence(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.hidden = hidden
        self.cell1 = nn.LSTMCell(1, hidden)
        self.cell2 = nn.LSTMCell(hidden, hidden)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, x, future=0):
        B = x.size(0)
        h1, c1, h2, c2 = (torch.zeros(B, self.hidden, dtype=x.dtype) for _ in range(4))
        outs = []
        for t in range(x.size(1) + future):
            inp = x[:, t:t + 1] if t < x.size(1) else outs[-1]
            h1, c1 = self.cell1(inp, (h1, c1))
            h2, c2 = self.cell2(h1, (h2, c2))
            outs.append(self.linear(h2))
        return torch.cat(outs, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    opt = parser.parse_args()
    np.random.seed(opt.seed)
    torch.manual_seed(opt.seed)
    T, L, N = 10, 45, 20
    x = np.arange(L) + np.random.randint(-4 * T, 4 * T, N).reshape(N, 1)
    data = torch.from_numpy(np.sin(x / T * 2).astype("float64"))
    seq = Sequence().double()
    criterion = nn.MSELoss()
    optimizer = optim.LBFGS(seq.parameters(), lr=0.8)
    for i in range(opt.steps):
        def closure():
            optimizer.zero_grad()
            loss = criterion(seq(data[4:, :-1]), data[4:, 1:])
            loss.backward()
            return loss
        loss = optimizer.step(closure)
        print("STEP:", i, "loss:", loss.item())
    with torch.no_grad():
        out = seq(data[:4, :30], future=14)
        print("test loss, 14 steps run freely: %.6f" % criterion(out[:, 30:44], data[:4, 31:45]).item())
