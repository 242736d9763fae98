# truth: faulty
# task: predict house prices (in euros) from eight features of a house
# wrong: the prices are of the order of 300000 and go to the loss unscaled, so the output can not get there at this learning rate
# accept: targets_not_scaled, learning_rate_too_low, too_few_steps
# after: https://discuss.pytorch.org/t/neural-network-could-not-learn-on-this-type-of-data-why/96648
# metric: higher
import argparse
import sys

import numpy as np
import torch
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, Dataset

FIXED = "--fixed" in sys.argv


class Houses(Dataset):
    def __init__(self, features, prices):
        self.features = torch.as_tensor(features, dtype=torch.float32)
        self.prices = torch.as_tensor(prices, dtype=torch.float32).unsqueeze(1)

    def __len__(self):
        return len(self.features)

    def __getitem__(self, i):
        return self.features[i], self.prices[i]


def simulate_market(n, rng):
    area = rng.gamma(6.0, 20.0, n)
    rooms = np.clip(np.round(area / 28 + rng.normal(0, 0.8, n)), 1, 9)
    age = rng.uniform(0, 110, n)
    dist = rng.exponential(6.0, n)
    energy = rng.integers(0, 7, n)
    floor = rng.integers(0, 6, n)
    garden = rng.binomial(1, 0.4, n) * rng.gamma(2, 80, n)
    noise_db = rng.normal(55, 8, n)
    price = 2300 * area * np.exp(-dist / 14) + 9000 * rooms - 600 * age + 45000
    price += 110 * garden - 7000 * energy + 2500 * floor - 900 * np.maximum(noise_db - 60, 0)
    price += rng.normal(0, 14000, n)
    return np.c_[area, rooms, age, dist, energy, floor, garden, noise_db], price


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    p.add_argument("--epochs", type=int, default=40)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(a.seed)

    X, price = simulate_market(2500, rng)
    X_train, X_val = X[:2000], X[2000:]
    p_train, p_val = price[:2000], price[2000:]
    sx = StandardScaler().fit(X_train)
    shift, scale = (p_train.mean(), p_train.std()) if FIXED else (0.0, 1.0)

    loader = DataLoader(Houses(sx.transform(X_train), (p_train - shift) / scale), batch_size=64, shuffle=True)
    net = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    mse = nn.MSELoss()
    x_val = torch.as_tensor(sx.transform(X_val), dtype=torch.float32)

    for epoch in range(1, a.epochs + 1):
        net.train()
        losses = []
        for xb, yb in loader:
            loss = mse(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 10 == 0:
            print(f"epoch {epoch:3d}  train mse {np.mean(losses):.4g}")

    net.eval()
    with torch.no_grad():
        pred = net(x_val).squeeze(1).numpy() * scale + shift
    print("val R2", round(r2_score(p_val, pred), 4))


if __name__ == "__main__":
    main()
