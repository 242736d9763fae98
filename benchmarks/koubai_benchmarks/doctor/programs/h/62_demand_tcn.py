# truth: faulty
# task: forecast a demand series with a temporal convolution network trained to give the next value at every step
# wrong: the convolutions are padded on both sides, so the output at t sees the value at t+1 which it should predict
# accept: future_seen
# after: https://github.com/keras-team/keras-io/issues/1003
# metric: lower
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def series(n, rng, length=96):
    t = np.arange(length)
    out = np.zeros((n, length), dtype=np.float32)
    for i in range(n):
        p1, p2 = rng.uniform(10, 14), rng.uniform(20, 30)
        s = np.sin(2 * np.pi * t / p1 + rng.uniform(0, 6.28)) + 0.6 * np.sin(2 * np.pi * t / p2 + rng.uniform(0, 6.28))
        ar = np.zeros(length)
        for k in range(1, length):
            ar[k] = 0.7 * ar[k - 1] + rng.normal(0, 0.05)
        out[i] = s * rng.uniform(0.7, 1.3) + ar
    return torch.from_numpy(out)


class TemporalBlock(nn.Module):
    def __init__(self, cin, cout, kernel, dilation, fixed):
        super().__init__()
        self.total = (kernel - 1) * dilation
        self.fixed = fixed
        self.conv = nn.Conv1d(cin, cout, kernel, dilation=dilation)
        self.skip = nn.Conv1d(cin, cout, 1) if cin != cout else nn.Identity()

    def forward(self, x):
        left = self.total if self.fixed else self.total // 2
        h = F.relu(self.conv(F.pad(x, (left, self.total - left))))
        return h + self.skip(x)


class TCN(nn.Module):
    def __init__(self, width=24, kernel=3, dilations=(1, 2, 4, 8), fixed=False):
        super().__init__()
        blocks, c = [], 1
        for d in dilations:
            blocks.append(TemporalBlock(c, width, kernel, d, fixed))
            c = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Conv1d(width, 1, 1)

    def forward(self, x):
        return self.head(self.blocks(x.unsqueeze(1))).squeeze(1)

    @torch.no_grad()
    def forecast(self, history, horizon):
        seq = history
        for _ in range(horizon):
            nxt = self(seq)[:, -1:]
            seq = torch.cat([seq, nxt], dim=1)
        return seq[:, history.size(1):]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--steps", type=int, default=500)
    ap.add_argument("--horizon", type=int, default=12)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train, test = series(500, rng), series(200, rng)

    model = TCN(fixed=args.fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=args.steps)
    losses = []
    for step in range(args.steps):
        batch = train[torch.randint(0, len(train), (16,))]
        loss = F.mse_loss(model(batch[:, :-1]), batch[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            with torch.no_grad():
                val = F.mse_loss(model(test[:, :-1]), test[:, 1:]).item()
            print(f"step {step + 1}: train {np.mean(losses[-100:]):.5f}  one-step val {val:.5f}")

    past, future = test[:, :-args.horizon], test[:, -args.horizon:]
    pred = model.forecast(past, args.horizon)
    print(f"variance of the series {test.var().item():.4f}")
    print(f"forecast mse over {args.horizon} steps: {F.mse_loss(pred, future).item():.4f}")


if __name__ == "__main__":
    main()
