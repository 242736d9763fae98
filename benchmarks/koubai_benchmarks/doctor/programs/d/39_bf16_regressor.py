# truth: faulty
# task: regress a smooth function of eight features with a residual MLP
# wrong: weights are stored in bfloat16 without a float32 master copy; most updates are smaller than half a unit in the last place and are rounded away
# accept: not_training, learning_rate_too_low, not_learning
# after: https://github.com/workofart/ml-by-hand/pull/85
# metric: lower
import argparse

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.ff = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))

    def forward(self, x):
        return x + self.ff(self.norm(x))


class Regressor(nn.Module):
    def __init__(self, d_in, d=48, depth=2):
        super().__init__()
        self.inp = nn.Linear(d_in, d)
        self.blocks = nn.Sequential(*[Block(d) for _ in range(depth)])
        self.out = nn.Linear(d, 1)

    def forward(self, x):
        return self.out(self.blocks(self.inp(x))).squeeze(-1)


class Trainer:
    def __init__(self, model, lr, dtype):
        self.model = model.to(dtype)
        self.dtype = dtype
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=lr, weight_decay=0.01)

    def fit(self, x, y, steps, batch_size):
        self.model.train()
        running = 0.0
        for step in range(1, steps + 1):
            idx = torch.randint(0, len(x), (batch_size,))
            pred = self.model(x[idx].to(self.dtype))
            loss = nn.functional.mse_loss(pred.float(), y[idx])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            running += loss.item()
            if step % 150 == 0:
                print(f"step {step:5d} | loss {running / 150:.4f}")
                running = 0.0

    @torch.no_grad()
    def evaluate(self, x, y):
        self.model.eval()
        return nn.functional.mse_loss(self.model(x.to(self.dtype)).float(), y).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    x = torch.randn(5000, 8)
    y = torch.sin(1.5 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3]
    y = (y - y.mean()) / y.std()
    dtype = torch.float32 if args.fixed else torch.bfloat16
    trainer = Trainer(Regressor(8), lr=2e-4, dtype=dtype)
    trainer.fit(x[:4000], y[:4000], steps=1500, batch_size=64)
    print("test mse", round(trainer.evaluate(x[4000:], y[4000:]), 4))


if __name__ == "__main__":
    main()
