# truth: faulty
# task: variational autoencoder on 8x8 digits
# wrong: the images are normalized to [-1, 1] but the decoder ends in a sigmoid, which can only give (0, 1)
# accept: output_range, output_loss_mismatch
# after: Stack Overflow "What could cause a VAE (Variational AutoEncoder) to output random noise even after training?"
# metric: lower
import argparse
import sys
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

FIXED = "--fixed" in sys.argv


@dataclass
class Config:
    latent: int = 8
    hidden: int = 128
    lr: float = 2e-3
    batch: int = 64
    epochs: int = 25
    kl_weight: float = 1.0


class Decoder(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        final = nn.Tanh() if FIXED else nn.Sigmoid()
        self.layers = nn.Sequential(
            nn.Linear(cfg.latent, cfg.hidden), nn.LeakyReLU(0.1),
            nn.Linear(cfg.hidden, cfg.hidden), nn.LeakyReLU(0.1),
            nn.Linear(cfg.hidden, 64), final)

    def forward(self, z):
        return self.layers(z)


class Encoder(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, cfg.hidden), nn.LeakyReLU(0.1),
                                   nn.Linear(cfg.hidden, cfg.hidden), nn.LeakyReLU(0.1))
        self.mu = nn.Linear(cfg.hidden, cfg.latent)
        self.log_var = nn.Linear(cfg.hidden, cfg.latent)

    def forward(self, x):
        h = self.trunk(x)
        return self.mu(h), self.log_var(h)


class VAE(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.encoder, self.decoder, self.cfg = Encoder(cfg), Decoder(cfg), cfg

    def forward(self, x):
        mu, log_var = self.encoder(x)
        z = mu + torch.randn_like(mu) * (0.5 * log_var).exp()
        return self.decoder(z), mu, log_var

    def training_step(self, x):
        x_hat, mu, log_var = self(x)
        r_loss = F.mse_loss(x_hat, x, reduction="none").sum(1).mean()
        kl_loss = (-0.5 * (1 + log_var - mu.pow(2) - log_var.exp()).sum(1)).mean()
        return r_loss + self.cfg.kl_weight * kl_loss, r_loss, kl_loss


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    cfg = Config()

    images = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    images = (images - 0.5) / 0.5
    train, test = random_split(TensorDataset(images), [1400, len(images) - 1400])
    loader = DataLoader(train, batch_size=cfg.batch, shuffle=True, drop_last=True)

    vae = VAE(cfg)
    optim = torch.optim.Adam(vae.parameters(), lr=cfg.lr)
    for epoch in range(cfg.epochs):
        sums = torch.zeros(3)
        for (x,) in loader:
            loss, r, kl = vae.training_step(x)
            optim.zero_grad()
            loss.backward()
            optim.step()
            sums += torch.tensor([loss.item(), r.item(), kl.item()])
        if epoch % 5 == 4:
            print("epoch {:2d}: loss {:.3f} rec {:.3f} kl {:.3f}".format(epoch + 1, *(sums / len(loader)).tolist()))

    vae.eval()
    held = torch.stack([x for (x,) in test])
    with torch.no_grad():
        mu, _ = vae.encoder(held)
        err = F.mse_loss(vae.decoder(mu), held).item()
    print(f"reconstruction error on test digits {err:.4f}")


if __name__ == "__main__":
    main()
