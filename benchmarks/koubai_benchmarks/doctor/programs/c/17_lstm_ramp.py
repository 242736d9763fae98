# truth: faulty
# task: LSTM that continues short sequences (ramps, waves) one step ahead at every position
# wrong: optimizer.zero_grad() is never called, so the gradients of all steps add up
# accept: gradients_not_reset, oscillation
# after: https://stats.stackexchange.com/questions/376851/why-is-lstm-so-ineffective-at-this-ridiculously-simple-sequence
# metric: lower
import sys
import numpy as np
import torch

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
rng = np.random.RandomState(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

L = 21


def sequences(n):
    t = np.arange(L + 1) / 20
    out = np.empty((n, L + 1))
    for i in range(n):
        kind = rng.randint(3)
        if kind == 0:
            out[i] = rng.uniform(-1, 1) + rng.uniform(-1, 1) * t
        elif kind == 1:
            out[i] = rng.uniform(0.3, 1) * np.sin(2 * np.pi * (rng.uniform(0.7, 2) * t + rng.rand()))
        else:
            out[i] = rng.uniform(-1, 1) * np.exp(-rng.uniform(0.5, 3) * t)
    return torch.tensor(out, dtype=torch.float32).unsqueeze(2)


train = sequences(64)
test = sequences(200)

lstm = torch.nn.LSTM(input_size=1, hidden_size=40, num_layers=1, batch_first=True)
linear = torch.nn.Linear(40, 1)
criterion = torch.nn.MSELoss()
params = list(lstm.parameters()) + list(linear.parameters())
optimizer = torch.optim.Adam(params, lr=5e-3)

x, y = train[:, :-1], train[:, 1:]
for j in range(500):
    hidden = (torch.zeros(1, len(x), 40), torch.zeros(1, len(x), 40))
    output, hidden = lstm(x, hidden)
    o = linear(output)
    loss = criterion(o, y)
    if FIXED:
        optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if j % 50 == 0:
        print(j, loss.item())

with torch.no_grad():
    output, _ = lstm(test[:, :-1])
    err = (linear(output) - test[:, 1:]).pow(2).mean().sqrt().item()
naive = (test[:, :-1] - test[:, 1:]).pow(2).mean().sqrt().item()
print("repeat-last rmse %.4f" % naive)
print("test rmse %.5f" % err)
