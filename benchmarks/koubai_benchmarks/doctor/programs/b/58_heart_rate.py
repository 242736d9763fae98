# truth: faulty
# task: tell rest from exercise patterns from raw vital signs (heart rate, pressure, temperature, lactate ...)
# wrong: raw vital signs (60 to 200) go straight into sigmoid units, which are saturated for every sample; no standardization
# accept: data_not_normalized, saturated_units
# after: https://openillumi.com/en/en-pytorch-performance-fix-standardization (two-layer sigmoid net learns circles, not heart-rate data)
# metric: higher
import sys
import numpy as np
import torch
from torch import nn

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0


class Model(nn.Module):
    def __init__(self, input_size, hidden, output_size):
        super().__init__()
        self.linear = nn.Linear(input_size, hidden)
        self.linear2 = nn.Linear(hidden, hidden)
        self.linear3 = nn.Linear(hidden, output_size)

    def forward(self, x):
        x = torch.sigmoid(self.linear(x))
        x = torch.sigmoid(self.linear2(x))
        return torch.sigmoid(self.linear3(x))


def vitals(n, rng):
    z = rng.normal(size=(n, 5))
    label = ((z[:, 0] ** 2 + z[:, 1] ** 2 < 1.4) ^ (z[:, 2] > 1.0)).astype(np.float32)
    hr = 120 + 15 * z[:, 0]
    systolic = 135 + 12 * z[:, 1]
    diastolic = 85 + 8 * z[:, 2]
    temp = 37 + 0.4 * z[:, 3]
    weight = 75 + 12 * z[:, 4]
    return np.stack([hr, systolic, diastolic, temp, weight], 1).astype(np.float32), label[:, None]


torch.manual_seed(seed)
torch.set_num_threads(1)
rng = np.random.default_rng(seed)
x, y = vitals(3000, rng)
xt, yt = vitals(1000, rng)
if FIXED:
    mean, std = x.mean(0), x.std(0)
    x, xt = (x - mean) / std, (xt - mean) / std
x, y, xt, yt = map(torch.from_numpy, (x, y, xt, yt))

model = Model(5, 32, 1)
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(50):
    perm = torch.randperm(len(x))
    for i in range(0, len(x), 100):
        idx = perm[i:i + 100]
        loss = criterion(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            acc = ((model(xt) > 0.5) == (yt > 0.5)).float().mean().item()
        print(f"epochs: {epoch + 1}, loss: {loss.item():.4f}, accuracy: {acc:.4f}")
print(f"test accuracy: {acc:.4f}")
