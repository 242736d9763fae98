# truth: healthy
# task: classify digits with few labels by a head on a frozen, self-trained encoder with batch norm in eval mode
# after: https://github.com/pgniewko/gt-pyg/issues/112
# metric: higher
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)


class Encoder(nn.Module):
    def __init__(self, code=40):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(),
            nn.Linear(128, 96), nn.BatchNorm1d(96), nn.ReLU(),
            nn.Linear(96, code),
        )

    def forward(self, x):
        return self.net(x)


class Probe(nn.Module):
    def __init__(self, encoder, code=40, n_classes=10):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(nn.LayerNorm(code), nn.Linear(code, n_classes))
        for p in self.encoder.parameters():
            p.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, x):
        with torch.no_grad():
            z = self.encoder(x)
        return self.head(z)


def pretrain(x, epochs=25):
    enc, dec = Encoder(), nn.Sequential(nn.Linear(40, 128), nn.ReLU(), nn.Linear(128, 64))
    opt = torch.optim.Adam(list(enc.parameters()) + list(dec.parameters()), lr=2e-3)
    for epoch in range(epochs):
        enc.train()
        for b in x[torch.randperm(len(x))].split(64):
            noisy = b * (torch.rand_like(b) > 0.3)
            loss = F.mse_loss(dec(enc(noisy)), b)
            opt.zero_grad()
            loss.backward()
            opt.step()
        if epoch % 5 == 0:
            print("pretext epoch", epoch, "mse %.4f" % loss.item())
    return enc


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    d = load_digits()
    x = torch.tensor(d.data, dtype=torch.float32) / 8 - 1
    y = torch.tensor(d.target)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    x_train, y_train, x_test, y_test = x[:1300], y[:1300], x[1300:], y[1300:]

    probe = Probe(pretrain(x_train))
    labelled = 500
    opt = torch.optim.Adam(filter(lambda p: p.requires_grad, probe.parameters()), lr=5e-3)
    for epoch in range(40):
        probe.train()
        for idx in torch.randperm(labelled).split(50):
            loss = F.cross_entropy(probe(x_train[idx]), y_train[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        if epoch % 10 == 0:
            print("probe epoch", epoch, "loss %.4f" % loss.item())
    probe.eval()
    with torch.no_grad():
        acc = (probe(x_test).argmax(1) == y_test).float().mean().item()
    print("linear probe accuracy %.4f" % acc)


if __name__ == "__main__":
    main()
