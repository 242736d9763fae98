# truth: faulty
# task: regress a made-up pump's flow (thousands of litres) on three operating settings
# wrong: the target is left in its own units (values up to hundreds of thousands), so Adam's small steps never reach it
# accept: targets_not_scaled
# after: https://discuss.pytorch.org/t/neural-network-could-not-learn-on-this-type-of-data-why/96648/5
# metric: lower
import sys
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(sys.argv[sys.argv.index('--seed') + 1]) if '--seed' in sys.argv else 0
FIXED = '--fixed' in sys.argv
np.random.seed(SEED)
torch.manual_seed(SEED)

# speed in rpm, blade angle in degrees, head in metres
n = 3000
speed = np.random.uniform(300, 3000, n)
angle = np.random.uniform(5, 40, n)
head = np.random.uniform(2, 60, n)
flow = 4e-6 * speed ** 3 * np.sin(np.deg2rad(2 * angle)) / np.sqrt(head) + 3.0 * speed
flow = flow + np.random.randn(n) * 500
inputs = np.stack([speed, angle, head], axis=1)

idx = np.random.permutation(n)
tr, te = idx[:2400], idx[2400:]
input_mean, input_std = inputs[tr].mean(0), inputs[tr].std(0)
inputs = (inputs - input_mean) / input_std

x_train = torch.from_numpy(inputs[tr]).float()
y_train = torch.from_numpy(flow[tr]).float().unsqueeze(1)
x_test = torch.from_numpy(inputs[te]).float()
y_test = torch.from_numpy(flow[te]).float().unsqueeze(1)

t_mean, t_std = torch.tensor(0.0), torch.tensor(1.0)
if FIXED:
    t_mean, t_std = y_train.mean(), y_train.std()
target = (y_train - t_mean) / t_std


class Network(nn.Module):
    def __init__(self):
        super(Network, self).__init__()
        self.fc1 = nn.Linear(3, 50)
        self.fc2 = nn.Linear(50, 50)
        self.out = nn.Linear(50, 1)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.out(x)


model = Network()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()

for epoch in range(25):
    order = torch.randperm(len(x_train))
    total = 0.0
    for k in range(0, len(order), 32):
        b = order[k:k + 32]
        out = model(x_train[b])
        loss = criterion(out, target[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b)
    if epoch % 5 == 4:
        print('Epoch {}, loss {:.4f}, max. pred val {:.2f}'.format(epoch + 1, total / len(order), out.max().item()))

model.eval()
with torch.no_grad():
    pred = model(x_test) * t_std + t_mean
    rel = ((pred - y_test).pow(2).mean() / y_test.var()).sqrt()
print('test rmse / std of the target: %.4f' % rel.item())
