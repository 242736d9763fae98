# truth: healthy
# task: classify heart beats (synthetic ECG) with a 1-d CNN, mixup and label smoothing (train accuracy below test)
# after: https://github.com/ecs-vlc/FMix/issues/28
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

CLASSES = 4


def beats(n, rng, length=96):
    t = np.linspace(-1, 1, length)
    y = rng.integers(0, CLASSES, n)
    x = np.zeros((n, length))
    bump = lambda c, w, a: a * np.exp(-((t - c) / w) ** 2)
    for i, k in enumerate(y):
        j = rng.normal(0, 0.05)
        width = 0.05 if k != 1 else 0.11
        p_wave = 0.15 if k != 2 else 0.0
        t_wave = 0.3 if k != 3 else -0.2
        x[i] = (bump(-0.45 + j, 0.09, p_wave * rng.uniform(0.7, 1.3)) + bump(-0.07 + j, width, -0.15)
                + bump(j, width, rng.uniform(0.8, 1.2)) + bump(0.09 + j, width, -0.25)
                + bump(0.5 + j, 0.14, t_wave * rng.uniform(0.7, 1.3)))
        x[i] += 0.1 * np.sin(2 * np.pi * (rng.uniform(0.2, 0.6) * t + rng.uniform())) + rng.normal(0, 0.06, length)
    return torch.tensor(x[:, None], dtype=torch.float32), torch.tensor(y)


class BeatNet(nn.Module):
    def __init__(self, w=16):
        super().__init__()
        def block(a, b):
            return nn.Sequential(nn.Conv1d(a, b, 7, padding=3, bias=False), nn.BatchNorm1d(b), nn.ReLU(), nn.MaxPool1d(2))
        self.features = nn.Sequential(block(1, w), block(w, 2 * w), block(2 * w, 2 * w))
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(2 * w * 12, CLASSES)

    def forward(self, x):
        return self.fc(self.drop(self.features(x).flatten(1)))


def smooth_one_hot(y, eps=0.1):
    return F.one_hot(y, CLASSES).float() * (1 - eps) + eps / CLASSES


def mixup(x, y, alpha, rng):
    lam = rng.beta(alpha, alpha)
    perm = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[perm], lam * y + (1 - lam) * y[perm]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--epochs", type=int, default=16)
    p.add_argument("--alpha", type=float, default=1.0)
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    x, y = beats(1200, rng)
    xt, yt = beats(600, rng)
    model = BeatNet()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=4, T_mult=1)
    per_epoch = len(x) // 48
    for epoch in range(a.epochs):
        model.train()
        loss_sum = acc_sum = 0.0
        for k, rows in enumerate(torch.randperm(len(x)).split(48)):
            xb, yb = mixup(x[rows], smooth_one_hot(y[rows]), a.alpha, rng)
            logits = model(xb)
            loss = -(yb * F.log_softmax(logits, 1)).sum(1).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step(epoch + k / per_epoch)
            loss_sum += loss.item()
            acc_sum += (logits.argmax(1) == y[rows]).float().mean().item()
        model.eval()
        with torch.no_grad():
            acc = (model(xt).argmax(1) == yt).float().mean().item()
        print(f"epoch {epoch:2d} loss {loss_sum / per_epoch:.4f} mixed acc {acc_sum / per_epoch:.3f} test {acc:.4f}")
    print(f"test accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
