# truth: faulty
# task: classify 12x12 textures into six classes with a CNN
# wrong: StepLR meant per epoch is stepped after every batch, so the rate is gone within two epochs
# accept: schedule_too_fast, learning_rate_too_low
# after: https://runebook.dev/en/docs/pytorch/generated/torch.optim.lr_scheduler.lrscheduler/torch.optim.lr_scheduler.LRScheduler.step (scheduler.step() once per batch when once per epoch was meant)
# metric: higher
import sys
import numpy as np
import torch
import torch.nn as nn
from torch.optim.lr_scheduler import StepLR

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0


def textures(n, rng):
    yy, xx = np.mgrid[:12, :12]
    k = rng.integers(0, 6, n)
    phase = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    ang = (k * np.pi / 6 + rng.normal(0, 0.08, n)).reshape(-1, 1, 1)
    wave = np.sin(1.3 * (np.cos(ang) * xx + np.sin(ang) * yy) + phase)
    return (wave + rng.normal(0, 0.7, wave.shape)).astype(np.float32)[:, None], k


def train_epoch(model, x, y, optimizer, scheduler, batch=32):
    model.train()
    loss_fn = nn.CrossEntropyLoss()
    perm = torch.randperm(len(x))
    total = 0.0
    for i in range(0, len(x), batch):
        idx = perm[i:i + batch]
        optimizer.zero_grad()
        loss = loss_fn(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
        if not FIXED:
            scheduler.step()
        total += loss.item() * len(idx)
    if FIXED:
        scheduler.step()
    return total / len(x)


def test(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


torch.set_num_threads(1)
torch.manual_seed(seed)
rng = np.random.default_rng(seed)
xtr, ytr = map(torch.from_numpy, textures(2400, rng))
xte, yte = map(torch.from_numpy, textures(800, rng))

model = nn.Sequential(
    nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(24 * 9, 48), nn.ReLU(), nn.Linear(48, 6))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
scheduler = StepLR(optimizer, step_size=8, gamma=0.3)
for epoch in range(1, 17):
    loss = train_epoch(model, xtr, ytr, optimizer, scheduler)
    if epoch % 2 == 0:
        print(f"Train Epoch: {epoch}\tLoss: {loss:.4f}\tTest acc: {test(model, xte, yte):.3f}")
print(f"Final test accuracy: {test(model, xte, yte):.4f}")
