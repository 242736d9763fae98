# truth: healthy
# task: the adding problem with a GRU, sequences made longer in stages (the loss jumps up at every stage)
# after: https://arxiv.org/abs/1410.4615 (Zaremba and Sutskever, Learning to Execute: curricula)
# metric: lower
import argparse
import torch
from torch import nn


def adding_batch(n, length, gen):
    values = torch.rand(n, length, generator=gen)
    marks = torch.zeros(n, length)
    half = length // 2
    first = torch.randint(0, half, (n,), generator=gen)
    second = torch.randint(half, length, (n,), generator=gen)
    rows = torch.arange(n)
    marks[rows, first] = 1
    marks[rows, second] = 1
    target = values[rows, first] + values[rows, second]
    return torch.stack([values, marks], -1), target


class Adder(nn.Module):
    def __init__(self, hidden=40):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)
        for name, p in self.gru.named_parameters():
            if name.startswith("weight_hh"):
                for block in p.data.chunk(3):
                    nn.init.orthogonal_(block)

    def forward(self, x):
        _, h = self.gru(x)
        return self.out(h[-1]).squeeze(-1)


class Curriculum:
    """Next length as soon as the smoothed loss of the present one is small."""

    def __init__(self, lengths, threshold=0.008):
        self.lengths, self.threshold = lengths, threshold
        self.stage, self.smooth = 0, 1.0

    @property
    def length(self):
        return self.lengths[self.stage]

    def report(self, loss):
        self.smooth = 0.9 * self.smooth + 0.1 * loss
        if self.smooth < self.threshold and self.stage < len(self.lengths) - 1:
            self.stage += 1
            self.smooth = 0.1
            return True
        return False


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--steps", type=int, default=1100)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    gen = torch.Generator().manual_seed(args.seed + 1)

    model = Adder()
    curriculum = Curriculum([4, 8, 12, 18, 24, 30])
    opt = torch.optim.Adam(model.parameters(), lr=4e-3)
    test_x, test_y = adding_batch(1000, 30, gen)
    for step in range(1, args.steps + 1):
        x, y = adding_batch(48, curriculum.length, gen)
        loss = ((model(x) - y) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        if step == int(args.steps * 0.8):
            for g in opt.param_groups:
                g["lr"] *= 0.3
        if curriculum.report(loss.item()):
            print(f"step {step}: now length {curriculum.length}")
        if step % 100 == 0:
            print(f"step {step} length {curriculum.length} loss {loss.item():.5f}")

    with torch.no_grad():
        mse = ((model(test_x) - test_y) ** 2).mean().item()
    print(f"variance of the target {test_y.var().item():.4f}")
    print(f"mse at length 30: {mse:.5f}")


if __name__ == "__main__":
    main()
