# truth: healthy
# task: convolutional VAE of digits whose KL weight is ramped up, so that the loss rises while it trains
# after: https://github.com/nv-tlabs/LION/issues/17
# metric: lower
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)


class Encoder(nn.Module):
    def __init__(self, z):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.SiLU(),
                                  nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.SiLU(), nn.Flatten())
        self.head = nn.Linear(128, 2 * z)

    def forward(self, x):
        return self.head(self.body(x)).chunk(2, dim=1)


class Decoder(nn.Module):
    def __init__(self, z):
        super().__init__()
        self.fc = nn.Linear(z, 128)
        self.up = nn.Sequential(nn.SiLU(), nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.SiLU(),
                                nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1))

    def forward(self, z):
        return self.up(self.fc(z).view(-1, 32, 2, 2))


def kl_weight(epoch, start=8, ramp=16, top=1.0):
    return top * min(1.0, max(0.0, (epoch - start) / ramp))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=35)
    parser.add_argument("--latent", type=int, default=8)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    x = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
    x = x[torch.randperm(len(x))]
    train, test = x[:1400], x[1400:]
    enc, dec = Encoder(args.latent), Decoder(args.latent)
    params = list(enc.parameters()) + list(dec.parameters())
    optimizer = torch.optim.Adam(params, lr=1.5e-3)

    for epoch in range(args.epochs):
        beta = kl_weight(epoch)
        sums = [0.0, 0.0, 0.0]
        for batch in train[torch.randperm(len(train))].split(50):
            mu, logvar = enc(batch)
            logvar = logvar.clamp(-8, 8)
            z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
            rec = F.binary_cross_entropy_with_logits(dec(z), batch, reduction="none").sum((1, 2, 3)).mean()
            kl = 0.5 * (mu ** 2 + logvar.exp() - logvar - 1).sum(1).mean()
            loss = rec + beta * kl
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for k, v in enumerate((loss, rec, kl)):
                sums[k] += v.item() * len(batch) / len(train)
        if epoch % 4 == 0:
            print("epoch %d beta %.2f loss %.3f rec %.3f kl %.3f" % (epoch, beta, *sums))

    with torch.no_grad():
        mu, _ = enc(test)
        err = F.mse_loss(torch.sigmoid(dec(mu)), test).item()
    print(f"reconstruction error of unseen digits {err:.5f}")


if __name__ == "__main__":
    main()
