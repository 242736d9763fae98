# truth: faulty
# task: variational autoencoder of the 8x8 digits, judged by reconstruction of held-out digits
# wrong: the reconstruction error is a mean over batch and pixels while the KL term is summed over batch and code, so the KL term rules and the code is given up
# accept: posterior_collapse, term_outweighed
# after: https://github.com/podgorskiy/VAE/issues/1
# metric: lower
import argparse
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split
from sklearn.datasets import load_digits

torch.set_num_threads(1)


class VAE(nn.Module):
    def __init__(self, n_pixels=64, hidden=128, code=8):
        super().__init__()
        self.fc1 = nn.Linear(n_pixels, hidden)
        self.fc_mu = nn.Linear(hidden, code)
        self.fc_logvar = nn.Linear(hidden, code)
        self.fc3 = nn.Linear(code, hidden)
        self.fc4 = nn.Linear(hidden, n_pixels)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc_mu(h), self.fc_logvar(h)

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        std = torch.exp(0.5 * logvar)
        z = mu + std * torch.randn_like(std) if self.training else mu
        return self.decode(z), mu, logvar


def criterion(recon, x, mu, logvar, reduction):
    mse = F.mse_loss(recon, x, reduction=reduction)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return mse, 0.05 * kld


def run_epoch(model, loader, optimizer, reduction):
    model.train()
    total_r = total_k = n = 0.0
    for (x,) in loader:
        optimizer.zero_grad()
        recon, mu, logvar = model(x)
        r, k = criterion(recon, x, mu, logvar, reduction)
        (r + k).backward()
        optimizer.step()
        total_r += r.item()
        total_k += k.item()
        n += 1
    return total_r / n, total_k / n


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    err = count = 0
    for (x,) in loader:
        recon, _, _ = model(x)
        err += F.mse_loss(recon, x, reduction="sum").item()
        count += x.numel()
    return err / count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="digits VAE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=64)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    images = torch.tensor(load_digits().data, dtype=torch.float32) / 16.0
    train_set, test_set = random_split(TensorDataset(images), [1400, len(images) - 1400])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=256)

    net = VAE()
    optim = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(1, args.epochs + 1):
        r, k = run_epoch(net, train_loader, optim, "sum" if args.fixed else "mean")
        if epoch % 8 == 0:
            print(f"epoch {epoch}: reconstruction {r:.4f}  kl {k:.5f}  test mse {evaluate(net, test_loader):.5f}")
    print(f"final test reconstruction mse {evaluate(net, test_loader):.5f}")
