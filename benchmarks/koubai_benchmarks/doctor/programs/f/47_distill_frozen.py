# truth: healthy
# task: distillation of a frozen batch-norm teacher into a small student on digits, soft and hard targets
# after: https://github.com/haitongli/knowledge-distillation-pytorch/issues/2
# metric: higher
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)


def make_teacher():
    return nn.Sequential(nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3),
                         nn.Linear(256, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 10))


def make_student():
    return nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))


def batches(n, size):
    yield from torch.randperm(n).split(size)


def score(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def fit_teacher(net, x, y, epochs):
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(epochs):
        net.train()
        for i in batches(len(x), 64):
            opt.zero_grad()
            F.cross_entropy(net(x[i]), y[i]).backward()
            opt.step()


def distill(teacher, student, x, y, labelled, epochs, T=4.0, alpha=0.9):
    teacher.eval().requires_grad_(False)
    opt = torch.optim.Adam(student.parameters(), lr=2e-3)
    for epoch in range(epochs):
        student.train()
        soft_sum = hard_sum = 0.0
        for i in batches(len(x), 64):
            xb = x[i] + 0.1 * torch.randn_like(x[i])
            out = student(xb)
            soft = F.kl_div(F.log_softmax(out / T, 1), F.softmax(teacher(xb) / T, 1), reduction="batchmean") * T * T
            has = labelled[i]
            hard = F.cross_entropy(out[has], y[i][has]) if has.any() else out.sum() * 0
            loss = alpha * soft + (1 - alpha) * hard
            opt.zero_grad()
            loss.backward()
            opt.step()
            soft_sum += soft.item()
            hard_sum += hard.item()
        if epoch % 10 == 0:
            print(f"epoch {epoch} soft {soft_sum:.2f} hard {hard_sum:.2f}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    d = load_digits()
    xa, xb, ya, yb = train_test_split(d.data, d.target, test_size=0.3, random_state=args.seed, stratify=d.target)
    mean, std = xa.mean(), xa.std()
    xa, xb = (torch.tensor((v - mean) / std, dtype=torch.float32) for v in (xa, xb))
    ya, yb = torch.tensor(ya), torch.tensor(yb)
    labelled = torch.rand(len(xa)) < 0.2

    teacher, student = make_teacher(), make_student()
    fit_teacher(teacher, xa, ya, 30)
    print(f"teacher {score(teacher, xb, yb):.4f}")
    distill(teacher, student, xa, ya, labelled, 60)
    print(f"student accuracy on held-out digits {score(student, xb, yb):.4f}")


if __name__ == "__main__":
    main()
