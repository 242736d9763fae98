# truth: faulty
# task: VAE on the 8x8 digits, measured by the reconstruction of held-out digits
# wrong: the reconstruction is a mean over the pixels while the KL is a sum over the code, the KL wins and the code empties
# accept: posterior_collapse, over_regularized
# after: https://github.com/zdebruine/MMVAE/pull/19
# metric: lower
import argparse
import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser(description="VAE digits")
parser.add_argument("--epochs", type=int, default=50)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

images = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
perm = torch.randperm(len(images))
train_x, test_x = images[perm[:1400]], images[perm[1400:]]


class VAE(nn.Module):
    def __init__(self):
        super(VAE, self).__init__()
        self.fc1 = nn.Linear(64, 128)
        self.fc21 = nn.Linear(128, 8)
        self.fc22 = nn.Linear(128, 8)
        self.fc3 = nn.Linear(8, 128)
        self.fc4 = nn.Linear(128, 64)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


model = VAE()
optimizer = optim.Adam(model.parameters(), lr=2e-3)


def loss_function(recon_x, x, mu, logvar):
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)
    if args.fixed:
        bce = F.binary_cross_entropy(recon_x, x, reduction="none").sum(1)
        return (bce + kld).mean()
    bce = F.binary_cross_entropy(recon_x, x)
    return bce + kld.mean()


def train(epoch):
    model.train()
    order = torch.randperm(len(train_x))
    train_loss = 0
    for i in range(0, len(order), args.batch_size):
        data = train_x[order[i:i + args.batch_size]]
        optimizer.zero_grad()
        recon, mu, logvar = model(data)
        loss = loss_function(recon, data, mu, logvar)
        loss.backward()
        train_loss += loss.item() * len(data)
        optimizer.step()
    if epoch % 10 == 0:
        print("====> Epoch: {} Average loss: {:.4f}".format(epoch, train_loss / len(train_x)))


for epoch in range(1, args.epochs + 1):
    train(epoch)

model.eval()
with torch.no_grad():
    mu, logvar = model.encode(test_x)
    mse = F.mse_loss(model.decode(mu), test_x).item()
print("====> Test reconstruction error: {:.5f}".format(mse))
