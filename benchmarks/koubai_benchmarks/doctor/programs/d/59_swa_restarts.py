# truth: healthy
# task: digit classifier with warm restarts and stochastic weight averaging; the loss jumps up at every restart
# metric: higher
import sys

import torch
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(SEED)
torch.set_num_threads(1)

X, y = load_digits(return_X_y=True)
perm = torch.randperm(len(X)).numpy()
X, y = X[perm], y[perm]
scaler = StandardScaler().fit(X[:1300])
as_tensor = lambda a: torch.tensor(scaler.transform(a), dtype=torch.float32)
train_set = TensorDataset(as_tensor(X[:1300]), torch.tensor(y[:1300]))
x_test, y_test = as_tensor(X[1300:]), torch.tensor(y[1300:])
loader = DataLoader(train_set, batch_size=64, shuffle=True, drop_last=True)

model = nn.Sequential(
    nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Dropout(0.3),
    nn.Linear(96, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 10),
)
swa_model = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9, nesterov=True)
scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=6 * len(loader), eta_min=1e-3)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(30):
    model.train()
    total = 0.0
    for xb, yb in loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item()
    if epoch % 6 == 5:
        swa_model.update_parameters(model)
    print(f"epoch {epoch:2d} lr {optimizer.param_groups[0]['lr']:.3f} loss {total / len(loader):.4f}")

update_bn(loader, swa_model)
swa_model.eval()
with torch.no_grad():
    print("swa test accuracy", (swa_model(x_test).argmax(1) == y_test).float().mean().item())
