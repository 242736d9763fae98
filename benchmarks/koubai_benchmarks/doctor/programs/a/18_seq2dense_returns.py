# truth: faulty
# task: LSTM plus dense layers forecast four future values of a standardised series
# wrong: the dense part ends in a ReLU although half of the standardised targets are negative
# accept: output_range, output_loss_mismatch, dead_units
# after: https://discuss.pytorch.org/t/loss-not-decreasing-in-lstm-network/159152
# metric: lower
import sys
import math
import torch
import torch.nn as nn
from torch.nn.init import orthogonal_, xavier_uniform_, zeros_
from torch.utils.data import TensorDataset, DataLoader

FIXED = "--fixed" in sys.argv


class Seq2DenseModel(nn.Module):
    def __init__(self, hidden=48, ahead=4):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        for name, p in self.lstm.named_parameters():
            if name.startswith("weight_ih"):
                xavier_uniform_(p)
            elif name.startswith("weight_hh"):
                orthogonal_(p)
            else:
                zeros_(p)
        layers = [nn.Linear(hidden, 48), nn.ReLU(), nn.Linear(48, ahead)]
        if not FIXED:
            layers.append(nn.ReLU())
        for l in layers:
            if isinstance(l, nn.Linear):
                xavier_uniform_(l.weight)
                zeros_(l.bias)
        self.dense = nn.Sequential(*layers)

    def forward(self, x):
        seq, _ = self.lstm(x)
        return self.dense(seq[:, -1, :])


def make_series(n, g):
    t = torch.arange(n, dtype=torch.float32)
    trend = torch.sin(2 * math.pi * t / 37) * (1 + 0.5 * torch.sin(2 * math.pi * t / 211))
    x = trend + 0.4 * torch.cos(2 * math.pi * t / 11) + 0.12 * torch.randn(n, generator=g)
    return (x - x.mean()) / x.std()


def as_dataset(x, look_back=20, ahead=4):
    win = x.unfold(0, look_back + ahead, 1)
    return TensorDataset(win[:, :look_back].unsqueeze(-1).contiguous(), win[:, look_back:].contiguous())


def evaluate(model, ds, loss_fn):
    model.eval()
    x, y = ds.tensors
    with torch.no_grad():
        return loss_fn(model(x), y).item()


def main():
    seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
    torch.manual_seed(seed)
    g = torch.Generator().manual_seed(seed + 100)
    x = make_series(3600, g)
    train, val = as_dataset(x[:2800]), as_dataset(x[2800:])
    loader = DataLoader(train, batch_size=64, shuffle=True)
    model = Seq2DenseModel()
    loss_fn = nn.MSELoss()
    opt = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    for epoch in range(9):
        model.train()
        s = 0.0
        for xb, yb in loader:
            opt.zero_grad()
            l = loss_fn(model(xb), yb)
            l.backward()
            opt.step()
            s += l.item()
        print(f"Epoch {epoch}: MSE {s / len(loader):.4f}, validation {evaluate(model, val, loss_fn):.4f}")
    print(f"final validation MSE {evaluate(model, val, loss_fn):.4f}")


main()
