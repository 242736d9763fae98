# truth: healthy
# task: digits with a sawtooth learning rate (the loss jumps up every cycle) and stochastic weight averaging
# metric: higher
import argparse
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset, random_split


def main(seed, cycles=5, cycle_len=4):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    x, y = load_digits(return_X_y=True)
    full = TensorDataset(torch.tensor(x, dtype=torch.float32).view(-1, 1, 8, 8) / 16, torch.tensor(y))
    train_set, test_set = random_split(full, [1300, len(full) - 1300])
    loader = DataLoader(train_set, 50, shuffle=True)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(128, 10))
    opt = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9, nesterov=True)
    swa = AveragedModel(net)
    steps = cycle_len * len(loader)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda k: 1 - 0.97 * (k % steps) / steps)
    crit = nn.CrossEntropyLoss(label_smoothing=0.1)
    for cycle in range(cycles):
        for epoch in range(cycle_len):
            net.train()
            s = 0.0
            for xb, yb in loader:
                opt.zero_grad()
                loss = crit(net(xb), yb)
                loss.backward()
                opt.step()
                sched.step()
                s += loss.item()
            print(f"cycle {cycle} epoch {epoch} loss {s / len(loader):.4f}")
        if cycle > 0:
            swa.update_parameters(net)
    update_bn(loader, swa)
    swa.eval()
    with torch.no_grad():
        hits = torch.cat([swa(a).argmax(1) == b for a, b in DataLoader(test_set, 200)])
    print(f"SWA test accuracy {hits.float().mean().item():.4f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    main(p.parse_args().seed)
