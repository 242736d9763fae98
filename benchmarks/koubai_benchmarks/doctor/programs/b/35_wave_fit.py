# truth: faulty
# task: regress a noisy two-tone wave from time
# wrong: a ReLU stands after the last layer, the targets are negative half of the time
# accept: output_range, output_loss_mismatch, dead_units
# after: https://datascience.stackexchange.com/questions/28191/error-in-neural-network (ReLU just before the output of a sine fit)
# metric: lower
import sys
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

FIXED = "--fixed" in sys.argv
SEED = 0
for i, a in enumerate(sys.argv):
    if a == "--seed":
        SEED = int(sys.argv[i + 1])
np.random.seed(SEED)
torch.manual_seed(SEED)
torch.set_num_threads(1)

t = np.random.uniform(-3, 3, (1500, 1)).astype(np.float32)
y = (np.sin(2 * t) + 0.4 * np.sin(5 * t + 1) + 0.05 * np.random.randn(*t.shape)).astype(np.float32)
X_train, Y_train = torch.tensor(t[:1200]), torch.tensor(y[:1200])
X_test, Y_test = torch.tensor(t[1200:]), torch.tensor(y[1200:])

layers = [nn.Linear(1, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 1)]
if not FIXED:
    layers.append(nn.ReLU())
model = nn.Sequential(*layers)

criterion = nn.MSELoss()
optimizer = optim.Adam(model.parameters(), lr=0.003)

batch_size = 60
for epoch in range(80):
    order = torch.randperm(len(X_train))
    running = 0.0
    for b in range(0, len(order), batch_size):
        idx = order[b:b + batch_size]
        optimizer.zero_grad()
        out = model(X_train[idx])
        loss = criterion(out, Y_train[idx])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    if (epoch + 1) % 10 == 0:
        print("Epoch %d, MSE: %.4f" % (epoch + 1, running / len(X_train)))

model.eval()
with torch.no_grad():
    test = criterion(model(X_test), Y_test).item()
print("Test MSE: %.5f" % test)
