# truth: faulty
# task: forecast the hourly heating load of a district from the weather (tabular regression, split by season)
# wrong: the test months are standardized with a scaler of their own (fit_transform) instead of the training one
# accept: evaluation_scale
# after: https://codemia.io/knowledge-hub/path/scikit_learn_-_fit_transform_on_the_test_set
# metric: lower
import argparse
import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser(description="heating load")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
parser.add_argument("--epochs", type=int, default=20)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
rng = np.random.default_rng(args.seed)

# one value every two hours for two years
hours = np.arange(0, 2 * 365 * 24, 2)
day = hours / 24.0
season = -np.cos(2 * np.pi * (day - 15) / 365)
temp = 9 + 11 * season + 3 * np.sin(2 * np.pi * (hours % 24 - 9) / 24) + rng.normal(0, 2.5, len(hours))
wind = rng.gamma(2, 2, len(hours)) + 1.5 * (1 - season)
sun = np.clip(np.sin(2 * np.pi * (hours % 24 - 6) / 24), 0, 1) * (0.6 + 0.4 * season) * rng.uniform(0.3, 1, len(hours))
humid = np.clip(75 - 15 * season + rng.normal(0, 8, len(hours)), 20, 100)
sin_h, cos_h = np.sin(2 * np.pi * hours / 24), np.cos(2 * np.pi * hours / 24)
workday = ((hours // 24) % 7 < 5).astype(float)
load = (6 * np.maximum(17 - temp, 0) * (1 + 0.03 * wind) - 25 * sun + 8 * workday * (cos_h < 0)
        + 20 + rng.normal(0, 4, len(hours)))
features = np.column_stack([temp, wind, sun, humid, sin_h, cos_h, workday])

test_rows = day >= 670            # the last winter
X_train, y_train = features[~test_rows], load[~test_rows]
X_test, y_test = features[test_rows], load[test_rows]

scaler = StandardScaler()
X_train = scaler.fit_transform(X_train)
X_test = scaler.transform(X_test) if args.fixed else scaler.fit_transform(X_test)
y_mean, y_std = y_train.mean(), y_train.std()


def as_tensor(a):
    return torch.as_tensor(a, dtype=torch.float32)


perm = rng.permutation(len(X_train))
val, trn = perm[:800], perm[800:]
train_loader = DataLoader(TensorDataset(as_tensor(X_train[trn]), as_tensor((y_train[trn] - y_mean) / y_std)),
                          batch_size=64, shuffle=True)

model = nn.Sequential(nn.Linear(7, 48), nn.GELU(), nn.Linear(48, 48), nn.GELU(), nn.Linear(48, 1), nn.Flatten(0))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
loss_fn = nn.SmoothL1Loss()


def mae(x, y):
    model.eval()
    with torch.no_grad():
        pred = model(as_tensor(x)).numpy() * y_std + y_mean
    return np.abs(pred - y).mean()


for epoch in range(args.epochs):
    model.train()
    total = 0.0
    for xb, yb in train_loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1}: train loss {total / len(train_loader):.4f}, "
              f"validation MAE {mae(X_train[val], y_train[val]):.2f} MW")

print("always the mean of the test winter:", round(float(np.abs(y_test - y_test.mean()).mean()), 2))
print("MAE in the last winter (MW):", round(float(mae(X_test, y_test)), 3))
