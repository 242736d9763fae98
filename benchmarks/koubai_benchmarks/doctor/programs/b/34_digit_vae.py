# truth: faulty
# task: variational autoencoder on 8x8 digits
# wrong: reconstruction is a mean over pixels and batch while the KL term is a sum over latents and batch, so the KL drowns the reconstruction
# accept: posterior_collapse, representations_alike, over_regularized
# after: https://github.com/zdebruine/MMVAE/pull/19 (incorrect scaling between MSE mean and KL sum) and https://github.com/podgorskiy/VAE/issues/1
# metric: lower
import sys
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

FIXED = "--fixed" in sys.argv


class VAE(nn.Module):
    def __init__(self, d=64, h=128, z=8):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(d, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU())
        self.fc_mu = nn.Linear(h, z)
        self.fc_logvar = nn.Linear(h, z)
        self.dec = nn.Sequential(nn.Linear(z, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, d))

    def encode(self, x):
        h = self.enc(x)
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + std * torch.randn_like(std)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.dec(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(recon, x, mu, logvar):
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    if FIXED:
        return F.mse_loss(recon, x, reduction="sum"), kld
    return F.mse_loss(recon, x), kld


class Trainer:
    def __init__(self, model, train_loader, x_test, lr=1e-3):
        self.model, self.loader, self.x_test = model, train_loader, x_test
        self.opt = torch.optim.Adam(model.parameters(), lr=lr)

    def epoch(self):
        self.model.train()
        r_sum = k_sum = 0.0
        for (x,) in self.loader:
            recon, mu, logvar = self.model(x)
            r, k = loss_function(recon, x, mu, logvar)
            self.opt.zero_grad()
            (r + k).backward()
            self.opt.step()
            r_sum += r.item()
            k_sum += k.item()
        return r_sum / len(self.loader), k_sum / len(self.loader)

    @torch.no_grad()
    def test(self):
        self.model.eval()
        mu, _ = self.model.encode(self.x_test)
        return F.mse_loss(self.model.dec(mu), self.x_test).item()

    def fit(self, epochs):
        for e in range(1, epochs + 1):
            r, k = self.epoch()
            if e % 10 == 0:
                print(f"====> epoch {e}: rec {r:.4f}, kld {k:.4f}, test mse {self.test():.4f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    data = load_digits().data.astype("float32") / 16.0
    data = (data - data.mean()) / data.std()
    tr, te = train_test_split(data, test_size=0.25, random_state=args.seed)
    loader = DataLoader(TensorDataset(torch.from_numpy(tr)), batch_size=64, shuffle=True)
    trainer = Trainer(VAE(), loader, torch.from_numpy(te))
    trainer.fit(60)
    print(f"test reconstruction mse: {trainer.test():.4f}")
