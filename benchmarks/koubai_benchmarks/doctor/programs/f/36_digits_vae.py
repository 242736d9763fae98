# truth: faulty
# task: variational auto-encoder of the 8x8 digits
# wrong: the reconstruction term is averaged over the pixels while the KL term is summed, so the KL outweighs it 64 times
# accept: posterior_collapse
# after: https://github.com/zdebruine/MMVAE/pull/19
# metric: lower
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.set_num_threads(1)


class VAE(nn.Module):
    def __init__(self, n_in=64, n_hidden=128, n_latent=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_hidden), nn.ReLU())
        self.fc_mu = nn.Linear(n_hidden, n_latent)
        self.fc_logvar = nn.Linear(n_hidden, n_latent)
        self.decoder = nn.Sequential(nn.Linear(n_latent, n_hidden), nn.ReLU(),
                                     nn.Linear(n_hidden, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_in))

    def encode(self, x):
        h = self.encoder(x)
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return torch.sigmoid(self.decoder(self.reparameterize(mu, logvar))), mu, logvar


def vae_loss(recon, x, mu, logvar, per_pixel):
    if per_pixel:
        rec = F.binary_cross_entropy(recon, x)
    else:
        rec = F.binary_cross_entropy(recon, x, reduction="sum") / len(x)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()
    return rec + kld, rec, kld


def run(args):
    torch.manual_seed(args.seed)
    images = load_digits().data.astype("float32") / 16
    train, test = train_test_split(images, test_size=0.25, random_state=args.seed)
    train, test = torch.from_numpy(train), torch.from_numpy(test)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(args.epochs):
        model.train()
        sums = torch.zeros(3)
        order = torch.randperm(len(train))
        for idx in order.split(64):
            x = train[idx]
            recon, mu, logvar = model(x)
            loss, rec, kld = vae_loss(recon, x, mu, logvar, per_pixel=not args.fixed)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            sums += torch.tensor([loss.item(), rec.item(), kld.item()]) * len(idx)
        if epoch % 10 == 0:
            total, rec, kld = (sums / len(train)).tolist()
            print(f"epoch {epoch:3d}  loss {total:.4f}  reconstruction {rec:.4f}  kl {kld:.4f}")
    model.eval()
    with torch.no_grad():
        mu, _ = model.encode(test)
        error = F.mse_loss(torch.sigmoid(model.decoder(mu)), test).item()
    print(f"reconstruction error on test digits {error:.5f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=60)
    run(ap.parse_args())
