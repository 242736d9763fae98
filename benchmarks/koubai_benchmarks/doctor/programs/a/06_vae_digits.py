# truth: faulty
# task: VAE on the 8x8 digits
# wrong: squared error is averaged over pixels and batch while the KL is summed, so the KL term outweighs it and the code is empty
# accept: posterior_collapse
# after: https://github.com/zdebruine/MMVAE/pull/19
# metric: lower
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

FIXED = "--fixed" in sys.argv
KL_WEIGHT = 0.1


class VAE(nn.Module):
    def __init__(self, latent_dim=8):
        super().__init__()
        self.fc1 = nn.Linear(64, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.fc3 = nn.Linear(latent_dim, 128)
        self.fc4 = nn.Linear(128, 64)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def elbo_loss(recon, x, mu, logvar):
    if FIXED:
        mse = F.mse_loss(recon, x, reduction="sum") / x.size(0)
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / x.size(0)
    else:
        mse = F.mse_loss(recon, x)
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return mse + KL_WEIGHT * kld, mse, kld


if __name__ == "__main__":
    seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
    torch.manual_seed(seed)
    X = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
    xtr, xte = train_test_split(X, test_size=0.25, random_state=seed)
    loader = DataLoader(TensorDataset(xtr), batch_size=64, shuffle=True)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(1, 41):
        model.train()
        tot = rec = kl = 0.0
        for (x,) in loader:
            optimizer.zero_grad()
            recon, mu, logvar = model(x)
            loss, m, k = elbo_loss(recon, x, mu, logvar)
            loss.backward()
            optimizer.step()
            tot, rec, kl = tot + loss.item(), rec + m.item(), kl + k.item()
        if epoch % 10 == 0:
            n = len(loader)
            print(f"====> Epoch {epoch}: loss {tot / n:.4f} mse {rec / n:.4f} kld {kl / n:.4f}")
    model.eval()
    with torch.no_grad():
        recon, _, _ = model(xte)
        print(f"test reconstruction error per pixel {F.mse_loss(recon, xte).item():.5f}")
