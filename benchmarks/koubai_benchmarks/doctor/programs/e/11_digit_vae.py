# truth: faulty
# task: a VAE of 8x8 digits, judged by how well it gives back unseen digits
# wrong: the reconstruction error is averaged over pixels while the KL term is summed, so the KL wins and the code is empty
# accept: posterior_collapse, over_regularized
# after: https://github.com/zdebruine/MMVAE/pull/19
# metric: lower
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)


class VAE(nn.Module):
    def __init__(self, n_in=64, n_hidden=128, n_latent=8):
        super().__init__()
        self.fc1 = nn.Linear(n_in, n_hidden)
        self.fc21 = nn.Linear(n_hidden, n_latent)
        self.fc22 = nn.Linear(n_hidden, n_latent)
        self.fc3 = nn.Linear(n_latent, n_hidden)
        self.fc4 = nn.Linear(n_hidden, n_in)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc21(h), self.fc22(h)

    def reparameterize(self, mu, logvar):
        if not self.training:
            return mu
        return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def vae_loss(recon, x, mu, logvar, fixed):
    bce = F.binary_cross_entropy(recon, x)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()
    if fixed:
        bce = bce * x.size(1)
    return bce + kld, bce, kld


def main():
    parser = argparse.ArgumentParser(description="VAE digits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--epochs", type=int, default=24)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    x = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
    x = x[torch.randperm(len(x))]
    train, test = x[:1400], x[1400:]

    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(1, args.epochs + 1):
        model.train()
        for batch in train[torch.randperm(len(train))].split(64):
            optimizer.zero_grad()
            recon, mu, logvar = model(batch)
            loss, bce, kld = vae_loss(recon, batch, mu, logvar, args.fixed)
            loss.backward()
            optimizer.step()
        if epoch % 8 == 0:
            print("====> Epoch: {} loss: {:.4f} (bce {:.4f} kld {:.4f})".format(
                epoch, loss.item(), bce.item(), kld.item()))

    model.eval()
    with torch.no_grad():
        recon, _, _ = model(test)
        err = F.mse_loss(recon, test).item()
    print("test reconstruction mse: {:.5f}".format(err))


if __name__ == "__main__":
    main()
