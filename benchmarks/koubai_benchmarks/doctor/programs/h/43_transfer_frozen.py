# truth: healthy
# task: pretrain a CNN on digits 0-4, freeze its body and fit a new head on digits 5-9 with few examples
# after: https://docs.pytorch.org/tutorials/beginner/transfer_learning_tutorial.html (fixed feature extractor)
# metric: higher
import argparse
import copy
import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
opt = p.parse_args()
torch.manual_seed(opt.seed)
rng = np.random.RandomState(opt.seed)
torch.set_num_threads(1)

d = load_digits()
x = torch.tensor(d.images / 16.0, dtype=torch.float32)[:, None]
y = torch.tensor(d.target)


class Backbone(nn.Module):
    def __init__(self, ch=24):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, ch, 3, padding=1), nn.BatchNorm2d(ch), nn.ReLU(),
            nn.Conv2d(ch, ch, 3, padding=1), nn.BatchNorm2d(ch), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(ch, 2 * ch, 3, padding=1), nn.BatchNorm2d(2 * ch), nn.ReLU(),
            nn.Flatten())

    def forward(self, x):
        return self.features(x)


class Classifier(nn.Module):
    def __init__(self, backbone, n_out):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(48 * 16, n_out)

    def forward(self, x):
        return self.head(self.backbone(x))


def accuracy(model, xs, ys):
    model.eval()
    with torch.no_grad():
        return (model(xs).argmax(1) == ys).float().mean().item()


def batches(xs, ys, size):
    perm = torch.from_numpy(rng.permutation(len(xs)))
    for i in range(0, len(perm) - size + 1, size):
        j = perm[i:i + size]
        yield xs[j], ys[j]


# ---- stage 1: source task
src = y < 5
xs, ys = x[src], y[src]
model = Classifier(Backbone(), 5)
optim = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(5):
    model.train()
    for xb, yb in batches(xs, ys, 32):
        loss = nn.functional.cross_entropy(model(xb), yb)
        optim.zero_grad()
        loss.backward()
        optim.step()
    print(f"source epoch {epoch} loss {loss.item():.4f}")

# ---- stage 2: target task, only the head learns
backbone = copy.deepcopy(model.backbone)
for param in backbone.parameters():
    param.requires_grad_(False)

tx, ty = x[~src], y[~src] - 5
perm = torch.from_numpy(rng.permutation(len(tx)))
few, held = perm[:250], perm[250:]
new = Classifier(backbone, 5)
optim = torch.optim.SGD(new.head.parameters(), lr=0.02, momentum=0.9)
for epoch in range(30):
    new.train()
    new.backbone.eval()
    tot = 0.0
    for xb, yb in batches(tx[few], ty[few], 25):
        loss = nn.functional.cross_entropy(new(xb), yb)
        optim.zero_grad()
        loss.backward()
        optim.step()
        tot += loss.item()
    if epoch % 5 == 4:
        print(f"target epoch {epoch} loss {tot / 10:.4f} held-out {accuracy(new, tx[held], ty[held]):.3f}")

print(f"trainable {sum(q.numel() for q in new.parameters() if q.requires_grad)} "
      f"of {sum(q.numel() for q in new.parameters())} parameters")
print("accuracy on held-out digits 5-9:", round(accuracy(new, tx[held], ty[held]), 4))
