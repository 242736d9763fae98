# truth: healthy
# task: denoising-autoencoder features, frozen on purpose, with a small head trained on few labelled digits
# after: https://pgg1610.github.io/blog_fastpages/python/data-analysis/machine-learning/2020/10/19/pytorch_transfer_learning_basics.html
# metric: higher
import argparse
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.preprocessing import MinMaxScaler
from torch.utils.data import DataLoader, TensorDataset


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 48), nn.ReLU())
        self.decoder = nn.Sequential(nn.Linear(48, 128), nn.ReLU(), nn.Linear(128, 64), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Classifier(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        for p in self.encoder.parameters():
            p.requires_grad = False
        self.head = nn.Linear(48, 10)

    def train(self, mode=True):
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, x):
        with torch.no_grad():
            h = self.encoder(x)
        return self.head(h)


def pretrain(model, x, epochs=25):
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loader = DataLoader(TensorDataset(x), batch_size=64, shuffle=True)
    model.train()
    for epoch in range(epochs):
        total = 0.0
        for (batch,) in loader:
            noisy = batch + 0.3 * torch.randn_like(batch)
            loss = nn.functional.mse_loss(model(noisy), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 5 == 0:
            print(f"pretraining {epoch} {total / len(loader):.5f}")


def finetune(model, x, y, epochs=60):
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    model.train()
    for epoch in range(epochs):
        for idx in torch.randperm(len(x)).split(50):
            loss = criterion(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 10 == 0:
            print(f"head {epoch} {loss.item():.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--labels", type=int, default=400)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    d = load_digits()
    x = torch.tensor(MinMaxScaler().fit_transform(d.data), dtype=torch.float32)
    y = torch.tensor(d.target)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    x_train, x_test, y_test = x[:1300], x[1300:], y[1300:]
    auto = Autoencoder()
    pretrain(auto, x_train)
    net = Classifier(auto.encoder)
    finetune(net, x_train[:args.labels], y[:args.labels])
    net.eval()
    with torch.no_grad():
        acc = (net(x_test).argmax(1) == y_test).float().mean().item()
    print(f"test accuracy with {args.labels} labels: {acc:.4f}")


if __name__ == "__main__":
    main()
