# truth: healthy
# task: variational autoencoder of digits with the KL weight raised slowly (KL and total loss go up for a while)
# after: https://github.com/facebookresearch/improved_vrnn/issues/4 (a rising KL is normal)
# metric: lower
import argparse
import torch
from torch import nn
from torch.nn import functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class VAE(nn.Module):
    def __init__(self, d=64, h=128, z=8):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(d, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU())
        self.mu = nn.Linear(h, z)
        self.logvar = nn.Linear(h, z)
        self.dec = nn.Sequential(nn.Linear(z, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, d))

    def encode(self, x):
        h = self.enc(x)
        return self.mu(h), self.logvar(h)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.dec(z), mu, logvar


def elbo_terms(logits, x, mu, logvar):
    rec = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()
    kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1).mean()
    return rec, kl


def kl_weight(epoch, warm=30):
    return min(1.0, max(0.0, (epoch - 4) / warm))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--epochs", type=int, default=50)
    args = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    data = load_digits().data / 16.0
    a, b = train_test_split(data, test_size=0.2, random_state=args.seed)
    train, test = torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32)

    model = VAE()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(args.epochs):
        model.train()
        beta = kl_weight(epoch)
        sums = [0.0, 0.0]
        for idx in torch.randperm(len(train)).split(32):
            x = train[idx]
            logits, mu, logvar = model(x)
            rec, kl = elbo_terms(logits, x, mu, logvar)
            loss = rec + beta * kl
            opt.zero_grad()
            loss.backward()
            opt.step()
            sums[0] += rec.item() * len(x)
            sums[1] += kl.item() * len(x)
        if epoch % 5 == 0:
            rec, kl = (s / len(train) for s in sums)
            print(f"epoch {epoch:2d} beta {beta:.2f} loss {rec + beta * kl:.3f} rec {rec:.3f} kl {kl:.3f}")

    model.eval()
    with torch.no_grad():
        mu, logvar = model.encode(test)
        out = torch.sigmoid(model.dec(mu))
        blank = ((test - train.mean(0)) ** 2).mean().item()
        used = (mu.var(0) > 0.05).sum().item()
        mse = ((out - test) ** 2).mean().item()
    print(f"latents in use {used} of 8, error of the mean image {blank:.4f}")
    print(f"reconstruction error on test {mse:.4f}")
