# truth: faulty
# task: variational autoencoder of handwritten digits
# wrong: the reconstruction error is a mean over pixels and batch, the KL term a sum over everything; the KL term swamps it and the code is emptied
# accept: posterior_collapse, over_regularized
# after: https://github.com/zdebruine/MMVAE/pull/19
# metric: lower
import sys

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(SEED)
torch.set_num_threads(1)


class VAE(nn.Module):
    def __init__(self, n_in=64, n_hidden=128, n_code=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU())
        self.mean = nn.Linear(n_hidden, n_code)
        self.logvar = nn.Linear(n_hidden, n_code)
        self.decoder = nn.Sequential(
            nn.Linear(n_code, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_in), nn.Sigmoid()
        )

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.mean(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.decoder(z), mu, logvar


def loss_terms(x_hat, x, mu, logvar):
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    if FIXED:
        return F.mse_loss(x_hat, x, reduction="sum") / len(x), 0.05 * kl / len(x)
    return F.mse_loss(x_hat, x), 0.05 * kl


data = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
data = data[torch.randperm(len(data))]
train, test = data[:1500], data[1500:]

vae = VAE()
optim = torch.optim.Adam(vae.parameters(), lr=1e-3)
for epoch in range(60):
    sums = torch.zeros(2)
    order = torch.randperm(len(train))
    for idx in order.split(100):
        x = train[idx]
        x_hat, mu, logvar = vae(x)
        rec, kl = loss_terms(x_hat, x, mu, logvar)
        optim.zero_grad()
        (rec + kl).backward()
        optim.step()
        sums += torch.tensor([rec.item(), kl.item()])
    if (epoch + 1) % 10 == 0:
        print("epoch %d  rec %.4f  kl %.4f" % (epoch + 1, *(sums / 15).tolist()))

vae.eval()
with torch.no_grad():
    mu = vae.mean(vae.encoder(test))
    print("test reconstruction mse: %.5f" % F.mse_loss(vae.decoder(mu), test).item())
