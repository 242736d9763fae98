# truth: faulty
# task: click-through prediction from categorical fields with a factorization machine plus a small deep part, judged by AUC
# wrong: the helper that builds the loaders shuffles the test set too, and its predictions are scored against the labels in file order
# accept: none
# after: https://github.com/udacity/nd320-c1-emr-data-starter/issues/4
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import log_loss, roc_auc_score
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
FIELDS = [300, 200, 24, 7, 40]


def make_table(n, rng):
    cols = np.stack([np.minimum(rng.geometric(4.0 / c, n) - 1, c - 1) if c > 50 else rng.integers(0, c, n) for c in FIELDS], 1)
    w = [rng.normal(0, 0.6, c) for c in FIELDS]
    v = [rng.normal(0, 0.75, (c, 4)) for c in FIELDS]
    logit = -1.0 + sum(w[f][cols[:, f]] for f in range(len(FIELDS)))
    logit += (v[0][cols[:, 0]] * v[1][cols[:, 1]]).sum(1) + 0.7 * (v[2][cols[:, 2]] * v[4][cols[:, 4]]).sum(1)
    y = rng.random(n) < 1 / (1 + np.exp(-logit))
    return cols, y.astype(np.float32)


def table_to_loader(cols, y, batch_size=256, shuffle=True):
    ds = TensorDataset(torch.from_numpy(cols), torch.from_numpy(y))
    return DataLoader(ds, batch_size=batch_size, shuffle=shuffle)


class DeepFM(nn.Module):
    def __init__(self, fields, k=8):
        super().__init__()
        self.register_buffer('offset', torch.tensor([0] + list(np.cumsum(fields)[:-1])))
        total = int(sum(fields))
        self.linear = nn.Embedding(total, 1)
        self.embed = nn.Embedding(total, k)
        nn.init.normal_(self.linear.weight, std=0.01)
        nn.init.normal_(self.embed.weight, std=0.05)
        self.deep = nn.Sequential(nn.Linear(k * len(fields), 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, cols):
        idx = cols + self.offset
        e = self.embed(idx)
        fm = 0.5 * (e.sum(1).pow(2) - e.pow(2).sum(1)).sum(1)
        return self.bias + self.linear(idx).sum((1, 2)) + fm + self.deep(e.flatten(1)).squeeze(1)


def fit(model, loader, epochs, lr):
    opt = torch.optim.Adam([
        {'params': [model.linear.weight, model.embed.weight], 'weight_decay': 1e-5},
        {'params': list(model.deep.parameters()) + [model.bias]}], lr=lr)
    bce = nn.BCEWithLogitsLoss()
    for ep in range(epochs):
        model.train()
        s = 0.0
        for cols, y in loader:
            opt.zero_grad()
            loss = bce(model(cols), y)
            loss.backward()
            opt.step()
            s += loss.item() * len(y)
        print(f'epoch {ep + 1} logloss {s / len(loader.dataset):.4f}')


def predict(model, loader):
    model.eval()
    with torch.no_grad():
        return np.concatenate([torch.sigmoid(model(cols)).numpy() for cols, _ in loader])


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--fixed', action='store_true')
    parser.add_argument('--epochs', type=int, default=5)
    opt = parser.parse_args()
    torch.manual_seed(opt.seed)
    rng = np.random.default_rng(opt.seed)
    cols, y = make_table(20000, rng)
    c_train, y_train, c_test, y_test = cols[:16000], y[:16000], cols[16000:], y[16000:]
    train_loader = table_to_loader(c_train, y_train)
    if opt.fixed:
        test_loader = table_to_loader(c_test, y_test, shuffle=False)
    else:
        test_loader = table_to_loader(c_test, y_test)
    model = DeepFM(FIELDS)
    fit(model, train_loader, opt.epochs, lr=5e-3)
    p = predict(model, test_loader)
    print('test logloss %.4f' % log_loss(y_test, p.astype(float)))
    print('test auc %.4f' % roc_auc_score(y_test, p))
