# truth: faulty
# task: one step ahead forecast of a sensor series from the last 24 values with an LSTM
# wrong: the model returns shape (N,) while the targets have shape (N, 1); the MSE broadcasts them to (N, N), whose best answer is the mean
# accept: output_loss_mismatch, labels_wrong, not_learning
# after: https://datascience.stackexchange.com/questions/54551/time-series-forecasting-with-rnns
# metric: higher
import sys
import warnings
import numpy as np
import torch
import torch.nn as nn

warnings.filterwarnings("ignore")
FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
np.random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

HISTORY = 24

# ----- data: two seasonal components, a slow drift and noise, scaled to 0..1
t = np.arange(1800)
series = np.sin(2 * np.pi * t / 19) + 0.6 * np.sin(2 * np.pi * t / 47 + 1.0) + 0.3 * np.sin(t / 300)
series = series + 0.1 * np.random.randn(len(t))
cut = 1400
lo, hi = series[:cut].min(), series[:cut].max()
series = (series - lo) / (hi - lo)


def windows(s):
    xs = np.stack([s[i:i + HISTORY] for i in range(len(s) - HISTORY)])
    ys = s[HISTORY:]
    return (torch.tensor(xs, dtype=torch.float32).unsqueeze(-1),
            torch.tensor(ys, dtype=torch.float32).unsqueeze(-1))


x_train, y_train = windows(series[:cut])
x_val, y_val = windows(series[cut:])


class LSTMModel(nn.Module):
    def __init__(self, input_dim, hidden_dim, num_layers, output_dim=1):
        super().__init__()
        self.rnn = nn.LSTM(input_dim, hidden_dim, num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_dim, output_dim)

    def forward(self, x):
        out, _ = self.rnn(x)
        out = self.fc(out[:, -1])
        return out if FIXED else out.view(-1)


model = LSTMModel(1, 32, 1)
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(14):
    order = torch.randperm(len(x_train))
    epoch_loss = []
    for chunk in order.split(64):
        y_hat = model(x_train[chunk])
        loss = loss_fn(y_hat, y_train[chunk])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss.append(loss.item())
    print("epoch", epoch, "mse", round(float(np.mean(epoch_loss)), 5))

with torch.no_grad():
    pred = model(x_val).reshape(-1)
truth = y_val.reshape(-1)
r2 = 1 - ((pred - truth) ** 2).mean() / truth.var()
print("first forecasts", [round(v, 4) for v in pred[:5].tolist()])
print("validation R2:", round(r2.item(), 4))
