# truth: faulty
# task: matrix factorization recommender on made ratings (user and item embeddings, biases)
# wrong: plain SGD with lr=1e-6, far too small for the factors to move
# accept: learning_rate_too_low, not_learning
# after: "Matrix Factorization in PyTorch" (sunjackson.github.io copy) and the notebooks made after it, which train with SGD(lr=1e-6)
# metric: lower
import sys
import numpy as np
import torch
from torch import nn

FIXED = "--fixed" in sys.argv
seed = 0
if "--seed" in sys.argv:
    seed = int(sys.argv[sys.argv.index("--seed") + 1])
np.random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

n_users, n_items, rank = 300, 200, 4
U = np.random.randn(n_users, rank) * 0.6
V = np.random.randn(n_items, rank) * 0.6
bu, bi = 0.4 * np.random.randn(n_users), 0.5 * np.random.randn(n_items)
full = 3.4 + bu[:, None] + bi[None, :] + U @ V.T + 0.3 * np.random.randn(n_users, n_items)
full = np.clip(full, 0.5, 5.5)
seen = np.argwhere(np.random.rand(n_users, n_items) < 0.3)
np.random.shuffle(seen)
split = int(0.85 * len(seen))
train, test = seen[:split], seen[split:]


class MatrixFactorization(nn.Module):
    def __init__(self, n_users, n_items, n_factors=8):
        super().__init__()
        self.user_factors = nn.Embedding(n_users, n_factors, sparse=True)
        self.item_factors = nn.Embedding(n_items, n_factors, sparse=True)
        self.user_bias = nn.Embedding(n_users, 1, sparse=True)
        self.item_bias = nn.Embedding(n_items, 1, sparse=True)
        for e in (self.user_factors, self.item_factors, self.user_bias, self.item_bias):
            nn.init.normal_(e.weight, std=0.1)

    def forward(self, user, item):
        dot = (self.user_factors(user) * self.item_factors(item)).sum(1)
        return dot + self.user_bias(user).squeeze(1) + self.item_bias(item).squeeze(1)


model = MatrixFactorization(n_users, n_items)
loss_func = nn.MSELoss()
lr = 2.0 if FIXED else 1e-6
optimizer = torch.optim.SGD(model.parameters(), lr=lr)
mean = full[train[:, 0], train[:, 1]].mean()
u = torch.tensor(train[:, 0])
v = torch.tensor(train[:, 1])
r = torch.tensor(full[train[:, 0], train[:, 1]] - mean, dtype=torch.float32)

for epoch in range(20):
    perm = torch.randperm(len(r))
    losses = []
    for k in range(0, len(perm), 128):
        p = perm[k:k + 128]
        prediction = model(u[p], v[p])
        loss = loss_func(prediction, r[p])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 4 == 3:
        print("epoch", epoch + 1, "train mse", np.round(np.mean(losses), 4))

with torch.no_grad():
    pred = model(torch.tensor(test[:, 0]), torch.tensor(test[:, 1])).numpy() + mean
rmse = np.sqrt(((pred - full[test[:, 0], test[:, 1]]) ** 2).mean())
print("test rmse", round(float(rmse), 4))
