# truth: faulty
# task: explicit matrix factorisation of star ratings with SGD
# wrong: optimizer.zero_grad() is missing, gradients of all former batches add up
# accept: gradients_not_reset
# after: https://www.ethanrosenthal.com/2017/06/20/matrix-factorization-in-pytorch/ (update of 8/4/2020)
# metric: lower
import sys

import numpy as np
import torch

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

n_users, n_items, n_factors = 300, 200, 6
P = rng.normal(0, 0.6, (n_users, 4))
Q = rng.normal(0, 0.6, (n_items, 4))
stars = 3.4 + rng.normal(0, 0.4, (n_users, 1)) + rng.normal(0, 0.4, (1, n_items)) + P @ Q.T + rng.normal(0, 0.25, (n_users, n_items))
stars = np.clip(np.round(stars * 2) / 2, 0.5, 5)
rows, cols = np.nonzero(rng.random((n_users, n_items)) < 0.3)
vals = stars[rows, cols]
shuffled = rng.permutation(len(vals))
rows, cols, vals = rows[shuffled], cols[shuffled], vals[shuffled]
n_test = len(vals) // 6
global_mean = vals[n_test:].mean()


class MatrixFactorization(torch.nn.Module):
    def __init__(self, n_users, n_items, n_factors=20):
        super().__init__()
        self.user_factors = torch.nn.Embedding(n_users, n_factors)
        self.item_factors = torch.nn.Embedding(n_items, n_factors)
        self.user_biases = torch.nn.Embedding(n_users, 1)
        self.item_biases = torch.nn.Embedding(n_items, 1)
        for emb in (self.user_factors, self.item_factors):
            torch.nn.init.normal_(emb.weight, 0, 0.3)
        for emb in (self.user_biases, self.item_biases):
            torch.nn.init.zeros_(emb.weight)

    def forward(self, user, item):
        pred = self.user_biases(user) + self.item_biases(item)
        pred = pred + (self.user_factors(user) * self.item_factors(item)).sum(dim=1, keepdim=True)
        return pred.squeeze(1) + global_mean


def to_t(a, b, c):
    return torch.as_tensor(a), torch.as_tensor(b), torch.as_tensor(c, dtype=torch.float32)


test_u, test_i, test_r = to_t(rows[:n_test], cols[:n_test], vals[:n_test])
train_u, train_i, train_r = to_t(rows[n_test:], cols[n_test:], vals[n_test:])

model = MatrixFactorization(n_users, n_items, n_factors)
loss_func = torch.nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=2.0, weight_decay=2e-5)

for epoch in range(20):
    order = torch.randperm(len(train_r))
    epoch_loss = 0.0
    for chunk in order.split(128):
        if FIXED:
            optimizer.zero_grad()
        prediction = model(train_u[chunk], train_i[chunk])
        loss = loss_func(prediction, train_r[chunk])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(chunk)
    if epoch % 3 == 0:
        print(f"epoch {epoch}: train mse {epoch_loss / len(train_r):.4f}")

with torch.no_grad():
    rmse = (model(test_u, test_i) - test_r).pow(2).mean().sqrt().item()
print("baseline rmse %.4f" % (test_r - global_mean).pow(2).mean().sqrt().item())
print("test rmse %.4f" % rmse)
