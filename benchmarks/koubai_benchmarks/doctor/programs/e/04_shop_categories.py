# truth: faulty
# task: predict the weekly sales of a shop from categorical columns through embeddings
# wrong: the label encoders are fitted once on the training rows and anew on the test rows, where some categories are absent, so the same name gets another number
# accept: none
# after: https://github.com/sayakpaul/Benchmarking-and-MLI-experiments-on-the-Adult-dataset/issues/1
# metric: lower
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import LabelEncoder
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
CITIES = np.array(["Aarhus", "Bergen", "Cork", "Delft", "Essen", "Faro", "Gent", "Hull", "Izmir", "Jena",
                   "Kiel", "Lille", "Malmo", "Nice", "Oulu", "Porto", "Riga", "Sofia", "Turin", "Umea"])
BRANDS = np.array(["brand_%02d" % i for i in range(30)])
SEASON = np.array(["autumn", "spring", "summer", "winter"])


class World:
    def __init__(self, rng):
        self.city = rng.normal(0, 1.0, len(CITIES))
        self.brand = rng.normal(0, 1.0, len(BRANDS))
        self.cross = rng.normal(0, 0.6, (len(SEASON), len(BRANDS)))

    def rows(self, n, rng, cities, brands, seasons):
        c, b, s = rng.choice(cities, n), rng.choice(brands, n), rng.choice(seasons, n)
        price = rng.uniform(-1, 1, n)
        sales = self.city[c] + self.brand[b] + self.cross[s, b] - 0.8 * price + rng.normal(0, 0.3, n)
        return np.stack([CITIES[c], BRANDS[b], SEASON[s]], 1), price, sales


def encode(train, test, fixed):
    tr, te = np.empty(train.shape, int), np.empty(test.shape, int)
    for j in range(train.shape[1]):
        le = LabelEncoder()
        tr[:, j] = le.fit_transform(train[:, j])
        te[:, j] = le.transform(test[:, j]) if fixed else le.fit_transform(test[:, j])
    return tr, te


class EntityNet(nn.Module):
    def __init__(self, sizes, dims, n_cont):
        super().__init__()
        self.embs = nn.ModuleList([nn.Embedding(s, d) for s, d in zip(sizes, dims)])
        self.drop = nn.Dropout(0.05)
        self.lin = nn.Sequential(nn.Linear(sum(dims) + n_cont, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, cat, cont):
        x = torch.cat([e(cat[:, j]) for j, e in enumerate(self.embs)], 1)
        return self.lin(torch.cat([self.drop(x), cont], 1))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    a = p.parse_args()
    torch.manual_seed(a.seed)
    rng = np.random.RandomState(a.seed)
    world = World(rng)
    cat_tr, price_tr, y_tr = world.rows(4000, rng, np.arange(20), np.arange(30), np.arange(4))
    some_cities = rng.choice(20, 15, replace=False)
    some_brands = rng.choice(30, 24, replace=False)
    cat_te, price_te, y_te = world.rows(1000, rng, some_cities, some_brands, np.array([0, 3]))
    x_tr, x_te = encode(cat_tr, cat_te, a.fixed)

    f = lambda v: torch.tensor(v, dtype=torch.float32)[:, None]
    ds = TensorDataset(torch.tensor(x_tr), f(price_tr), f(y_tr))
    net = EntityNet([20, 30, 4], [6, 8, 2], 1)
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(8):
        net.train()
        for cat, cont, y in DataLoader(ds, batch_size=100, shuffle=True):
            loss = nn.functional.mse_loss(net(cat, cont), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
        print("epoch", epoch, "loss %.4f" % loss.item())
    net.eval()
    with torch.no_grad():
        rmse = (net(torch.tensor(x_te), f(price_te)) - f(y_te)).pow(2).mean().sqrt().item()
    print("test rmse %.4f" % rmse)


if __name__ == "__main__":
    main()
