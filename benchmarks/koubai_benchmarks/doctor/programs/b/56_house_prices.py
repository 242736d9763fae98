# truth: faulty
# task: predict house prices in currency units from standardized features
# wrong: the prices (hundreds of thousands) are neither centred nor scaled; the net cannot get there with the usual rate
# accept: targets_not_scaled, learning_rate_too_low
# after: https://discuss.pytorch.org/t/neural-network-could-not-learn-on-this-type-of-data-why/96648 (normalize the target and undo it after)
# metric: higher
import argparse
import sys

import numpy as np
import torch
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

FIXED = "--fixed" in sys.argv


def houses(n, rng):
    area = rng.uniform(40, 260, n)
    age = rng.uniform(0, 90, n)
    rooms = np.clip(np.round(area / 28 + rng.normal(0, 1, n)), 1, 10)
    dist = rng.gamma(2.0, 4.0, n)
    garden = rng.random(n) < 0.5
    price = 55000 + area * (2100 - 60 * np.minimum(dist, 20)) - 900 * age + 30000 * garden * (dist < 8) + 4000 * rooms
    price = np.maximum(price + rng.normal(0, 9000, n), 20000)
    return np.stack([area, age, rooms, dist, garden], 1), price[:, None]


class PriceNet(nn.Module):
    def __init__(self, n_in=5):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.net(x)


def train(model, loader, epochs, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    criterion = nn.MSELoss()
    for epoch in range(epochs):
        sum_loss = 0.0
        for features, target in loader:
            optimizer.zero_grad()
            loss = criterion(model(features), target)
            loss.backward()
            optimizer.step()
            sum_loss += loss.item()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1} mse {sum_loss / len(loader):.6g}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    x, y = houses(2000, np.random.default_rng(args.seed))
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=args.seed)
    xs = StandardScaler().fit(x_train)
    ys = StandardScaler(with_mean=FIXED, with_std=FIXED).fit(y_train)
    loader = DataLoader(TensorDataset(torch.FloatTensor(xs.transform(x_train)), torch.FloatTensor(ys.transform(y_train))),
                        batch_size=40, shuffle=True)
    model = PriceNet()
    train(model, loader, args.epochs, 1e-3)
    with torch.no_grad():
        pred = ys.inverse_transform(model(torch.FloatTensor(xs.transform(x_test))).numpy())
    print(f"first test houses: {np.round(pred[:3, 0])} true {np.round(y_test[:3, 0])}")
    print(f"test R^2 {r2_score(y_test, pred):.4f}")


main()
