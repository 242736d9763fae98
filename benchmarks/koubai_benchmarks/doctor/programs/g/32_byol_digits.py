# truth: healthy
# task: BYOL on the digits (a target network that only follows by averaging), then a linear probe
# after: https://github.com/facebookresearch/simsiam/issues/7
# metric: higher
import argparse
import copy
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression


def views(x):
    img = x.view(-1, 1, 8, 8)
    pad = F.pad(img, (1, 1, 1, 1))
    out = torch.empty_like(img)
    dx, dy = torch.randint(0, 3, (2, len(img)))
    for i in range(3):
        for j in range(3):
            pick = (dx == i) & (dy == j)
            out[pick] = pad[pick][:, :, i:i + 8, j:j + 8]
    out = out * (0.8 + 0.4 * torch.rand(len(img), 1, 1, 1))
    drop = torch.rand_like(out) < 0.1
    return out.masked_fill(drop, 0.0) + 0.05 * torch.randn_like(out)


class Encoder(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU())
        self.project = nn.Sequential(nn.Linear(512, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, dim))

    def features(self, x):
        return self.conv(x).flatten(1)

    def forward(self, x):
        return self.project(self.features(x))


class BYOL(nn.Module):
    def __init__(self, momentum=0.98):
        super().__init__()
        self.online = Encoder()
        self.predictor = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 64))
        self.target = copy.deepcopy(self.online)
        for p in self.target.parameters():
            p.requires_grad = False
        self.momentum = momentum

    @torch.no_grad()
    def follow(self):
        for t, o in zip(self.target.parameters(), self.online.parameters()):
            t.mul_(self.momentum).add_(o, alpha=1 - self.momentum)

    def forward(self, a, b):
        pa, pb = self.predictor(self.online(a)), self.predictor(self.online(b))
        with torch.no_grad():
            ta, tb = self.target(a), self.target(b)
        return (4 - 2 * F.cosine_similarity(pa, tb) - 2 * F.cosine_similarity(pb, ta)).mean() / 2


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--epochs", type=int, default=14)
    args = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    data = load_digits()
    x = torch.tensor(data.images / 16, dtype=torch.float32).unsqueeze(1)
    y = data.target
    order = torch.randperm(len(x))
    x, y = x[order], y[order.numpy()]
    x_train, x_test = x[:1280], x[1280:]
    model = BYOL()
    optimizer = torch.optim.Adam([q for q in model.parameters() if q.requires_grad], lr=1e-3)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x_train)).split(64):
            loss = model(views(x_train[idx]), views(x_train[idx]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            model.follow()
            total += loss.item()
        print(f"epoch {epoch} loss {total / 20:.4f}")
    model.eval()
    with torch.no_grad():
        f_train, f_test = model.online.features(x_train).numpy(), model.online.features(x_test).numpy()
    probe = LogisticRegression(max_iter=300).fit(f_train[:200], y[:200])
    print(f"linear probe (200 labels) accuracy {probe.score(f_test, y[1280:]):.4f}")


if __name__ == "__main__":
    main()
