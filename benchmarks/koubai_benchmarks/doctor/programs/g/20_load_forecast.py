# truth: faulty
# task: LSTM that forecasts the electricity load of the next hour from the last day
# wrong: the inputs are scaled but the targets stay in megawatts (about 5000), the output layer never gets there
# accept: targets_not_scaled
# after: https://discuss.pytorch.org/t/time-series-the-prediction-result-of-lstm-is-approximately-straight-line/98896
# metric: lower
import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import TensorDataset, DataLoader
from sklearn.preprocessing import StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument('--seed', type=int, default=0)
parser.add_argument('--fixed', action='store_true')
parser.add_argument('--window', type=int, default=24)
args = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(args.seed)
rng = np.random.RandomState(args.seed)

hours = np.arange(24 * 110)
load = 5000 + 900 * np.sin(2 * np.pi * (hours - 8) / 24) + 350 * np.sin(4 * np.pi * hours / 24 + 1)
load += np.where((hours // 24) % 7 >= 5, -700, 0)
ar = np.zeros(len(hours))
for i in range(1, len(hours)):
    ar[i] = 0.9 * ar[i - 1] + rng.normal(0, 60)
load = (load + ar).reshape(-1, 1)

split = 24 * 85
scaler = StandardScaler().fit(load[:split])
scaled = scaler.transform(load)


def windows(lo, hi):
    xs, ys = [], []
    for i in range(lo + args.window, hi):
        xs.append(scaled[i - args.window:i])
        ys.append(scaled[i] if args.fixed else load[i])
    return torch.tensor(np.array(xs), dtype=torch.float32), torch.tensor(np.array(ys), dtype=torch.float32)


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1])


train_set = TensorDataset(*windows(0, split))
x_test, y_test = windows(split, len(load))
loader = DataLoader(train_set, batch_size=64, shuffle=True)
model = Forecaster()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(14):
    model.train()
    running = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(x)
    if epoch % 2 == 1:
        print('Epoch {:2d}  train mse {:.4f}'.format(epoch + 1, running / len(train_set)))

model.eval()
with torch.no_grad():
    pred = model(x_test).numpy()
if args.fixed:
    pred = scaler.inverse_transform(pred)
actual = load[split + args.window:]
mape = np.mean(np.abs(pred - actual) / actual)
print('test MAPE: {:.5f}'.format(mape))
