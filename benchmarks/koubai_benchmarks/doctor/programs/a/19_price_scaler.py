# truth: faulty
# task: LSTM predicts tomorrow's price of a slowly growing commodity, in money
# wrong: the test part gets a scaler fitted on itself, while predictions are turned back with the training scaler
# accept: evaluation_scale
# after: https://stackoverflow.com/questions/71069290 (problems with inverse transform, train and test scaled separately)
# metric: lower
import sys
import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import MinMaxScaler

FIXED = "--fixed" in sys.argv
LAG = 15


def prices(n, rng):
    t = np.arange(n)
    season = 6 * np.sin(2 * np.pi * t / 50) + 3 * np.sin(2 * np.pi * t / 17 + 1)
    noise = np.zeros(n)
    for i in range(1, n):
        noise[i] = 0.8 * noise[i - 1] + rng.normal(0, 0.6)
    return 60 + 0.004 * t + season + noise


def create_X_Y(ts, lag):
    X = [ts[i:i + lag] for i in range(len(ts) - lag)]
    Y = [ts[i + lag, 0] for i in range(len(ts) - lag)]
    return torch.tensor(np.array(X), dtype=torch.float32), torch.tensor(np.array(Y), dtype=torch.float32)


class PriceLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 32, batch_first=True)
        self.linear = nn.Linear(32, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.linear(out[:, -1]).squeeze(-1)


seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

series = prices(2600, rng).reshape(-1, 1)
df_train, df_test = series[:2400], series[2400 - LAG + 120:]

scaler = MinMaxScaler(feature_range=(0, 1))
train_sc = scaler.fit_transform(df_train)
if FIXED:
    test_sc = scaler.transform(df_test)
else:
    test_sc = MinMaxScaler(feature_range=(0, 1)).fit_transform(df_test)

X_train, Y_train = create_X_Y(train_sc, LAG)
X_test, _ = create_X_Y(test_sc, LAG)
money = df_test[LAG:, 0]

model = PriceLSTM()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.MSELoss()
n_epochs, batch_size = 12, 50
for epoch in range(n_epochs):
    model.train()
    order = np.random.default_rng(epoch).permutation(len(X_train))
    losses = []
    for b in range(0, len(order), batch_size):
        take = order[b:b + batch_size]
        optimizer.zero_grad()
        loss = criterion(model(X_train[take]), Y_train[take])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 4 == 3:
        print("epoch %d loss %.6f" % (epoch + 1, np.mean(losses)))

model.eval()
with torch.no_grad():
    pred = model(X_test).numpy().reshape(-1, 1)
pred = scaler.inverse_transform(pred)[:, 0]
print("mean price in the test period %.2f, standard deviation %.2f" % (money.mean(), money.std()))
print("test MAE in money: %.4f" % np.abs(pred - money).mean())
