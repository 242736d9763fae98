# truth: faulty
# task: distillation of an ensemble into one small network on overlapping classes
# wrong: KLDivLoss is given the probabilities of the student where it expects log-probabilities
# accept: output_loss_mismatch
# after: https://github.com/microsoft/ProDA/issues/43
# metric: lower
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


def overlapping_classes(n, rng, k=6, d=8):
    centers = np.random.default_rng(4).normal(size=(k, d)) * 1.1
    y = rng.integers(0, k, n)
    x = centers[y] + rng.normal(size=(n, d))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


def mlp(width):
    return nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 6))


class Ensemble(nn.Module):
    def __init__(self, members):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x):
        return torch.stack([F.softmax(m(x), dim=1) for m in self.members]).mean(0)


def train_member(x, y, seed):
    torch.manual_seed(seed)
    net = mlp(64)
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05)
    for _ in range(8):
        for idx in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(net(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
    return net


class Distiller:
    def __init__(self, teacher, student, as_log, lr=2e-3):
        self.teacher, self.student = teacher.eval(), student
        self.criterion = nn.KLDivLoss(reduction="batchmean")
        self.optimizer = torch.optim.Adam(student.parameters(), lr=lr)
        self.as_log = as_log

    def step(self, x):
        with torch.no_grad():
            target = self.teacher(x)
        out = self.student(x)
        out = F.log_softmax(out, dim=1) if self.as_log else F.softmax(out, dim=1)
        loss = self.criterion(out, target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def fit(self, x, epochs):
        for epoch in range(epochs):
            losses = [self.step(x[i] + 0.2 * torch.randn_like(x[i])) for i in torch.randperm(len(x)).split(64)]
            if epoch % 5 == 0:
                print(f"epoch {epoch}: distillation loss {np.mean(losses):+.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--epochs", type=int, default=40)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    x, y = overlapping_classes(2000, rng)
    xt, yt = overlapping_classes(2000, rng)
    teacher = Ensemble([train_member(x, y, 10 * args.seed + k) for k in range(3)])
    with torch.no_grad():
        print(f"teacher test nll {F.nll_loss(teacher(xt).log(), yt).item():.4f}")
    torch.manual_seed(args.seed)
    student = mlp(32)
    Distiller(teacher, student, as_log=args.fixed).fit(x, args.epochs)
    with torch.no_grad():
        nll = F.cross_entropy(student(xt), yt).item()
    print(f"student test nll {nll:.4f}")
