# truth: faulty
# task: digit classification with small inception blocks
# wrong: batch normalization with momentum=0 never updates its running statistics, so evaluation normalizes with 0 and 1
# accept: batch_norm_misuse, evaluation_scale
# after: https://github.com/Cadene/pretrained-models.pytorch/issues/5
# metric: higher
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

args = argparse.ArgumentParser()
args.add_argument("--seed", type=int, default=0)
args.add_argument("--fixed", action="store_true")
args = args.parse_args()
BN_MOMENTUM = 0.1 if args.fixed else 0.0


class BasicConv2d(nn.Module):
    def __init__(self, in_planes, out_planes, kernel_size, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(in_planes, out_planes, kernel_size, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(out_planes, eps=0.001, momentum=BN_MOMENTUM, affine=True)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    def __init__(self, in_planes, w):
        super().__init__()
        self.branch0 = BasicConv2d(in_planes, w, 1)
        self.branch1 = nn.Sequential(BasicConv2d(in_planes, w, 1), BasicConv2d(w, w, 3, padding=1))
        self.branch2 = nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), BasicConv2d(in_planes, w, 1))

    def forward(self, x):
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x)], 1)


class InceptionBits(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            BasicConv2d(1, 12, 3, padding=1), Mixed(12, 8), nn.MaxPool2d(2), Mixed(24, 12),
        )
        self.last_linear = nn.Linear(36, num_classes)

    def forward(self, x):
        return self.last_linear(self.features(x).mean(dim=(2, 3)))


torch.manual_seed(args.seed)
torch.set_num_threads(1)
d = load_digits()
dataset = TensorDataset(torch.tensor(d.images[:, None], dtype=torch.float32) / 16, torch.tensor(d.target))
train_set, val_set = random_split(dataset, [1400, 397])
train_loader = DataLoader(train_set, batch_size=40, shuffle=True)
val_loader = DataLoader(val_set, batch_size=100)

model = InceptionBits()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(7):
    model.train()
    right, seen = 0, 0
    for images, labels in train_loader:
        logits = model(images)
        loss = criterion(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right += (logits.argmax(1) == labels).sum().item()
        seen += len(labels)
    model.eval()
    with torch.no_grad():
        val = sum((model(i).argmax(1) == l).sum().item() for i, l in val_loader) / len(val_set)
    print(f"epoch {epoch} train acc {right / seen:.3f} val acc {val:.3f}")
