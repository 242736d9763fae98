# truth: healthy
# task: VAE of the digits with summed losses and a KL weight that rises from nought to one, so the total loss climbs on the way
# after: https://arxiv.org/abs/1602.02282
# metric: lower
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)


class Encoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.ReLU(),
                                  nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten())
        self.stats = nn.Linear(24 * 4, 2 * code)

    def forward(self, x):
        mu, raw = self.stats(self.conv(x)).chunk(2, dim=1)
        return mu, F.softplus(raw) + 1e-3


class Decoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(code, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 64))

    def forward(self, z):
        return self.net(z).view(-1, 1, 8, 8)


class Trainer:
    def __init__(self, code, lr, warmup):
        self.enc, self.dec = Encoder(code), Decoder(code)
        self.opt = torch.optim.Adam([*self.enc.parameters(), *self.dec.parameters()], lr=lr)
        self.warmup, self.seen = warmup, 0

    def terms(self, x):
        mu, std = self.enc(x)
        z = mu + std * torch.randn_like(std)
        nll = F.binary_cross_entropy_with_logits(self.dec(z), x, reduction="sum")
        kl = (0.5 * (mu ** 2 + std ** 2 - 1) - std.log()).sum()
        return nll, kl

    def step(self, x):
        beta = min(1.0, self.seen / self.warmup)
        nll, kl = self.terms(x)
        loss = nll + beta * kl
        self.opt.zero_grad(set_to_none=True)
        loss.backward()
        self.opt.step()
        self.seen += 1
        return loss.item(), nll.item(), kl.item(), beta

    @torch.no_grad()
    def negative_elbo(self, x, draws=5):
        total = 0.0
        for _ in range(draws):
            nll, kl = self.terms(x)
            total += (nll + kl).item() / len(x)
        return total / draws


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=30)
    ap.add_argument("--code", type=int, default=6)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    x = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16.0
    x = x[torch.randperm(len(x))]
    train, test = x[:1450], x[1450:]
    trainer = Trainer(args.code, lr=3e-3, warmup=350)
    print(f"before: {trainer.negative_elbo(test):.2f} nats per image")
    for epoch in range(args.epochs):
        for idx in torch.randperm(len(train)).split(50):
            loss, nll, kl, beta = trainer.step(train[idx])
        if epoch % 4 == 0:
            n = len(idx)
            print(f"epoch {epoch}: loss {loss / n:.2f} nll {nll / n:.2f} kl {kl / n:.2f} beta {beta:.2f}")
    print(f"negative evidence bound on held-out digits: {trainer.negative_elbo(test):.3f}")


if __name__ == "__main__":
    main()
