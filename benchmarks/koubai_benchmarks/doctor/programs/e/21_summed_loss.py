# truth: healthy
# task: regress the strength of made-up concrete from its mix, by plain SGD on a loss summed over the batch
# after: https://discuss.pytorch.org/t/loss-reduction-sum-vs-mean-when-to-use-each/115641
# metric: higher
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import r2_score
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--lr", type=float, default=2e-4)
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.RandomState(args.seed)

n = 4000
cement = rng.uniform(150, 500, n)
slag = rng.uniform(0, 250, n) * (rng.rand(n) < 0.6)
water = rng.uniform(130, 240, n)
plasticizer = rng.uniform(0, 20, n)
coarse = rng.uniform(800, 1100, n)
age = rng.choice([3, 7, 14, 28, 56, 90], n)
binder = cement + 0.6 * slag
strength = 9 + 26 * (binder / water) ** 0.8 * np.log1p(age) / np.log(29) - 12 + 0.25 * plasticizer
strength += rng.normal(0, 3.0, n)

X = np.stack([cement, slag, water, plasticizer, coarse, np.log(age)], 1)
X = (X - X.mean(0)) / X.std(0)
y_mean, y_std = strength.mean(), strength.std()
data = TensorDataset(torch.tensor(X, dtype=torch.float32),
                     torch.tensor((strength - y_mean) / y_std, dtype=torch.float32).view(-1, 1))
train_set, test_set = random_split(data, [3200, 800], generator=torch.Generator().manual_seed(args.seed))
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=800)

model = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 1))
loss_fn = nn.MSELoss(reduction="sum")
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

for epoch in range(20):
    total = 0.0
    model.train()
    for xb, yb in train_loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 5 == 0:
        print(f"epoch {epoch}: sum of squares {total:.1f}, per sample {total / len(train_set):.4f}")

model.eval()
with torch.no_grad():
    xb, yb = next(iter(test_loader))
    r2 = r2_score(yb.numpy(), model(xb).numpy())
print(f"R2 on unseen mixes: {r2:.4f}")
