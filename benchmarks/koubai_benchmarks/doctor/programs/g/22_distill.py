# truth: faulty
# task: distil a teacher network into a small student on the digits
# wrong: the teacher's outputs are collected once from a shuffled loader and reused by batch number while the loader shuffles anew
# accept: labels_wrong
# after: https://github.com/haitongli/knowledge-distillation-pytorch/issues/4
# metric: higher
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    p.add_argument("--temperature", type=float, default=3.0)
    p.add_argument("--alpha", type=float, default=0.98)
    p.add_argument("--epochs", type=int, default=30)
    return p.parse_args()


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def train_teacher(teacher, loader, epochs=15):
    opt = torch.optim.Adam(teacher.parameters(), lr=1e-3)
    for _ in range(epochs):
        teacher.train()
        for x, y in loader:
            loss = F.cross_entropy(teacher(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
    teacher.eval()


def loss_fn_kd(outputs, labels, teacher_outputs, alpha, T):
    soft = F.kl_div(F.log_softmax(outputs / T, dim=1), F.softmax(teacher_outputs / T, dim=1), reduction="batchmean")
    return alpha * T * T * soft + (1 - alpha) * F.cross_entropy(outputs, labels)


def fetch_teacher_outputs(teacher, loader):
    with torch.no_grad():
        return [teacher(x) for x, _ in loader]


def train_kd(student, teacher, loader, args):
    optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)
    cached = fetch_teacher_outputs(teacher, loader)
    for epoch in range(args.epochs):
        student.train()
        total = 0.0
        for i, (x, y) in enumerate(loader):
            if args.fixed:
                with torch.no_grad():
                    teacher_batch = teacher(x)
            else:
                teacher_batch = cached[i]
            loss = loss_fn_kd(student(x), y, teacher_batch, args.alpha, args.temperature)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 5 == 0:
            print("epoch", epoch, "kd loss", round(total / len(loader), 4))


def main():
    args = parse()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    digits = load_digits()
    x = torch.tensor(digits.data / 16, dtype=torch.float32)
    y = torch.tensor(digits.target)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    x_train, y_train, x_test, y_test = x[:1280], y[:1280], x[1280:], y[1280:]
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)

    teacher = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    train_teacher(teacher, loader)
    print("teacher accuracy", round(accuracy(teacher, x_test, y_test), 4))

    student = nn.Sequential(nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10))
    train_kd(student, teacher, loader, args)
    print("student accuracy", round(accuracy(student, x_test, y_test), 4))


if __name__ == "__main__":
    main()
