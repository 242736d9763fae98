# truth: faulty
# task: item ratings from a half-empty user-item matrix with an item autoencoder (AutoRec)
# wrong: the reconstruction loss runs over the whole matrix, so every rating that is missing counts as a target of zero
# accept: none
# after: https://github.com/berkeley-reclab/RecLab/pull/68
# metric: lower
import argparse
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)


def ratings(rng, n_users=400, n_items=300, rank=4, density=0.25):
    u = rng.normal(size=(n_users, rank))
    v = rng.normal(size=(n_items, rank))
    r = 3.2 + 0.6 * (u @ v.T) / np.sqrt(rank) * 1.5 + 0.3 * rng.normal(size=(n_items,)) + rng.normal(0, 0.3, (n_users, n_items))
    r = np.clip(np.round(2 * r) / 2, 1, 5)
    seen = rng.random((n_users, n_items)) < density * 1.25
    test = seen & (rng.random(seen.shape) < 0.2)
    return r.astype(np.float32), seen & ~test, test


class Autorec(nn.Module):
    def __init__(self, num_users, hidden, dropout=0.3):
        super().__init__()
        self.encoder = nn.Linear(num_users, hidden)
        self.decoder = nn.Linear(hidden, num_users)
        self.act = nn.ELU()
        self.drop = nn.Dropout(dropout)
        for lin in (self.encoder, self.decoder):
            nn.init.xavier_normal_(lin.weight)

    def forward(self, x):
        return self.decoder(self.drop(self.act(self.encoder(x))))


class Recommender:
    def __init__(self, matrix, seen, args):
        self.args = args
        self.mask = torch.from_numpy(seen.T.astype(np.float32))          # items x users
        self.x = torch.from_numpy((matrix * seen).T.copy())
        self.mean = float(matrix[seen].mean())
        self.net = Autorec(self.x.shape[1], args.hidden)
        self.optim = torch.optim.Adam(self.net.parameters(), lr=args.lr, weight_decay=args.decay)

    def loss(self, pred, target, mask):
        err = (pred - target) ** 2
        if self.args.fixed:
            return (err * mask).sum() / mask.sum()
        return err.mean()

    def train(self):
        n = len(self.x)
        for epoch in range(self.args.epochs):
            self.net.train()
            perm = torch.randperm(n)
            total = 0.0
            for start in range(0, n, self.args.batch):
                rows = perm[start:start + self.args.batch]
                out = self.net(self.x[rows])
                loss = self.loss(out, self.x[rows], self.mask[rows])
                self.optim.zero_grad()
                loss.backward()
                self.optim.step()
                total += loss.item() * len(rows)
            if epoch % 15 == 14:
                print(f'epoch {epoch + 1}: loss {total / n:.4f}')

    @torch.no_grad()
    def predict(self):
        self.net.eval()
        return self.net(self.x).T.clamp(1, 5).numpy()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--fixed', action='store_true')
    p.add_argument('--epochs', type=int, default=150)
    p.add_argument('--batch', type=int, default=50)
    p.add_argument('--hidden', type=int, default=24)
    p.add_argument('--lr', type=float, default=1e-3)
    p.add_argument('--decay', type=float, default=2e-5)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    full, train, test = ratings(rng)
    model = Recommender(full, train, args)
    model.train()
    pred = model.predict()
    print('rmse of the global mean: %.4f' % np.sqrt(((model.mean - full)[test] ** 2).mean()))
    print('test rmse: %.4f' % np.sqrt(((pred - full)[test] ** 2).mean()))


if __name__ == '__main__':
    main()
