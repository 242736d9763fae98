# truth: faulty
# task: predict a standardised rent from numeric columns and three categorical columns with embeddings
# wrong: predictions have shape (n, 1), targets (n,): the squared error is broadcast to all pairs, so only the mean is learnt
# accept: output_loss_mismatch
# after: https://github.com/LAMDA-Tabular/TALENT/pull/92
# metric: higher
import argparse
import warnings

import numpy as np
import torch
from torch import nn
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings('ignore')
torch.set_num_threads(1)


class RentData:
    cards = (12, 5, 30)

    def __init__(self, n, rng):
        self.num = rng.normal(size=(n, 6)).astype('float32')
        self.cat = np.stack([rng.integers(0, c, n) for c in self.cards], 1)
        tables = [rng.normal(0, 0.9, c) for c in self.cards]
        effect = sum(t[self.cat[:, j]] for j, t in enumerate(tables))
        x = self.num
        y = effect + 1.2 * x[:, 0] + np.abs(x[:, 1]) - 0.6 * x[:, 2] * x[:, 3] + 0.3 * rng.normal(size=n)
        self.y = (400 + 180 * y).astype('float32')


class TabModel(nn.Module):
    def __init__(self, cards, n_num, width=96, p=0.05):
        super().__init__()
        self.embs = nn.ModuleList([nn.Embedding(c, min(8, (c + 1) // 2)) for c in cards])
        d = n_num + sum(e.embedding_dim for e in self.embs)
        self.body = nn.Sequential(
            nn.Linear(d, width), nn.ReLU(), nn.Dropout(p),
            nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, 1))

    def forward(self, num, cat):
        parts = [e(cat[:, j]) for j, e in enumerate(self.embs)]
        return self.body(torch.cat(parts + [num], dim=1))


class Method:
    """fit / predict wrapper in the manner of the benchmark's other methods"""

    def __init__(self, args):
        self.args = args
        self.scaler_x, self.scaler_y = StandardScaler(), StandardScaler()

    def fit(self, d, idx):
        num = torch.from_numpy(self.scaler_x.fit_transform(d.num[idx]).astype('float32'))
        cat = torch.from_numpy(d.cat[idx])
        y = self.scaler_y.fit_transform(d.y[idx, None]).astype('float32')
        y = torch.from_numpy(y[:, 0])
        self.model = TabModel(d.cards, num.shape[1])
        opt = torch.optim.AdamW(self.model.parameters(), lr=2e-3, weight_decay=1e-4)
        mse = nn.MSELoss()
        n = len(y)
        for epoch in range(self.args.max_epoch):
            self.model.train()
            perm, log = torch.randperm(n), []
            for i in range(0, n, 128):
                b = perm[i:i + 128]
                pred = self.model(num[b], cat[b])
                if self.args.fixed:
                    pred = pred.squeeze(-1)
                loss = mse(pred, y[b])
                opt.zero_grad()
                loss.backward()
                opt.step()
                log.append(loss.item())
            print('epoch %02d  train mse %.4f' % (epoch, np.mean(log)))

    @torch.no_grad()
    def predict(self, d, idx):
        self.model.eval()
        num = torch.from_numpy(self.scaler_x.transform(d.num[idx]).astype('float32'))
        out = self.model(num, torch.from_numpy(d.cat[idx])).reshape(-1, 1).numpy()
        return self.scaler_y.inverse_transform(out)[:, 0]


if __name__ == '__main__':
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--fixed', action='store_true')
    ap.add_argument('--max_epoch', type=int, default=14)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    data = RentData(4000, rng)
    order = rng.permutation(4000)
    train, test = order[:3000], order[3000:]
    m = Method(args)
    m.fit(data, train)
    print('R2 on test: %.4f' % r2_score(data.y[test], m.predict(data, test)))
