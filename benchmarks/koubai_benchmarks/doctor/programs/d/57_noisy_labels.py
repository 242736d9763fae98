# truth: healthy
# task: digits with 30 per cent of the training labels drawn at random and smoothed targets; the training loss stays high, clean accuracy does not
# metric: higher
import sys
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
rs = np.random.RandomState(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

X, y = load_digits(return_X_y=True)
X = ((X - 4.9) / 6.0).astype(np.float32)
ids = rs.permutation(len(y))
tr, te = ids[:1300], ids[1300:]
y_noisy = y[tr].copy()
hit = rs.rand(len(tr)) < 0.30
y_noisy[hit] = rs.randint(0, 10, hit.sum())
print("training labels that are wrong: %.1f%%" % (100 * (y_noisy != y[tr]).mean()))

Xtr, ytr = torch.from_numpy(X[tr]), torch.from_numpy(y_noisy)
Xte, yte = torch.from_numpy(X[te]), torch.from_numpy(y[te])

clf = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Dropout(0.4), nn.Linear(100, 10))
crit = nn.CrossEntropyLoss(label_smoothing=0.1)
opt = torch.optim.SGD(clf.parameters(), lr=0.03, momentum=0.9, weight_decay=2e-3)
for epoch in range(25):
    clf.train()
    order = torch.randperm(len(Xtr))
    tot = 0.
    for j in range(0, len(order), 32):
        b = order[j:j + 32]
        Xb = Xtr[b] + 0.4 * torch.randn(len(b), 64)
        loss = crit(clf(Xb), ytr[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() * len(b)
    if epoch % 4 == 0:
        print("epoch", epoch, "train loss", round(tot / len(order), 4))
clf.eval()
with torch.no_grad():
    print("clean test accuracy", (clf(Xte).argmax(1) == yte).float().mean().item())
