# truth: healthy
# task: find rare fraud (4 percent) in a table, the batches balanced by a weighted sampler
# after: https://androidkt.com/deal-with-an-imbalanced-dataset-using-weightedrandomsampler-in-pytorch/
# metric: higher
import sys

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.set_num_threads(1)
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)

x, y = make_classification(n_samples=8000, n_features=20, n_informative=7, n_redundant=5, weights=[0.96],
                           class_sep=1.2, flip_y=0.004, n_clusters_per_class=2, random_state=seed)
order = np.random.RandomState(seed).permutation(len(y))
x, y = x[order], y[order]
x = (x - x[:6000].mean(0)) / x[:6000].std(0)
x_train, y_train = torch.tensor(x[:6000], dtype=torch.float32), torch.tensor(y[:6000])
x_test, y_test = torch.tensor(x[6000:], dtype=torch.float32), y[6000:]

count = torch.bincount(y_train)
print("rows per class:", count.tolist())
weight = 1.0 / count.float()
sampler = WeightedRandomSampler(weight[y_train], num_samples=len(y_train), replacement=True)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=100, sampler=sampler)

model = nn.Sequential(
    nn.Linear(20, 32),
    nn.BatchNorm1d(32),
    nn.LeakyReLU(0.1),
    nn.Dropout(0.3),
    nn.Linear(32, 16),
    nn.BatchNorm1d(16),
    nn.LeakyReLU(0.1),
    nn.Linear(16, 2),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3)

for epoch in range(10):
    model.train()
    seen, fraud, total = 0, 0, 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(yb)
        fraud += yb.sum().item()
        seen += len(yb)
    scheduler.step(total / seen)
    if epoch % 4 == 0:
        print("epoch %d loss %.4f share of fraud drawn %.2f lr %.1e" % (
            epoch, total / seen, fraud / seen, optimizer.param_groups[0]["lr"]))

model.eval()
with torch.no_grad():
    guess = model(x_test).argmax(1).numpy()
print("plain accuracy %.4f, frauds found %d of %d" % (np.mean(guess == y_test), guess[y_test == 1].sum(), (y_test == 1).sum()))
print("balanced accuracy %.4f" % balanced_accuracy_score(y_test, guess))
