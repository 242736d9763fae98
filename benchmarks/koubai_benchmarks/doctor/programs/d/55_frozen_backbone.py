# truth: healthy
# task: transfer: features learned on digits 0-4 are frozen on purpose, only a new linear head for 5-9 is trained, with accumulated gradients
# metric: higher
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
ACCUMULATE = 4


class Net(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
            nn.Conv2d(24, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(),
        )
        self.fc = nn.Linear(48 * 16, n_classes)

    def forward(self, x):
        return self.fc(self.backbone(x))


def split(images, labels, classes, n_test):
    keep = torch.isin(labels, torch.tensor(classes))
    x, y = images[keep], labels[keep] - min(classes)
    order = torch.randperm(len(x))
    return TensorDataset(x[order[n_test:]], y[order[n_test:]]), TensorDataset(x[order[:n_test]], y[order[:n_test]])


def pretrain(net, data):
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(4):
        for x, y in DataLoader(data, batch_size=32, shuffle=True):
            opt.zero_grad()
            F.cross_entropy(net(x), y).backward()
            opt.step()


def finetune(net, data, epochs=30):
    for p in net.backbone.parameters():
        p.requires_grad = False
    net.backbone.eval()
    opt = torch.optim.SGD(filter(lambda p: p.requires_grad, net.parameters()), lr=0.05, momentum=0.9)
    opt.zero_grad()
    for epoch in range(epochs):
        total = 0.0
        for i, (x, y) in enumerate(DataLoader(data, batch_size=16, shuffle=True, drop_last=True), 1):
            loss = F.cross_entropy(net(x), y)
            (loss / ACCUMULATE).backward()
            total += loss.item()
            if i % ACCUMULATE == 0:
                opt.step()
                opt.zero_grad()
        if epoch % 6 == 5:
            print(f"finetune epoch {epoch + 1}: loss {total / i:.4f}")


if __name__ == "__main__":
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    d = load_digits()
    images, labels = torch.tensor(d.images[:, None], dtype=torch.float32) / 16, torch.tensor(d.target)
    source, _ = split(images, labels, [0, 1, 2, 3, 4], 50)
    target_train, target_test = split(images, labels, [5, 6, 7, 8, 9], 300)
    net = Net(5)
    pretrain(net, source)
    net.fc = nn.Linear(48 * 16, 5)
    finetune(net, target_train)
    x, y = target_test.tensors
    net.eval()
    with torch.no_grad():
        print("accuracy on unseen 5-9:", (net(x).argmax(1) == y).float().mean().item())
