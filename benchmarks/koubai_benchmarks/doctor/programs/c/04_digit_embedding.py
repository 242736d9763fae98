# truth: faulty
# task: learn an embedding of digits with a batch-all triplet loss over pairwise distances
# wrong: the distance matrix takes the square root of an exact zero on its diagonal, whose gradient is infinite; 0 * inf makes every gradient NaN
# accept: not_finite
# after: https://discuss.pytorch.org/t/function-mselossbackward-returned-nan-values-in-its-0th-output/94875
# metric: higher
import sys
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

FIXED = "--fixed" in sys.argv
ap = argparse.ArgumentParser()
ap.add_argument("--fixed", action="store_true")
ap.add_argument("--seed", default=0, type=int)
opt = ap.parse_args()
torch.manual_seed(opt.seed)
torch.set_num_threads(1)


def pairwise_distances(e):
    diff = e.unsqueeze(1) - e.unsqueeze(0)
    sq = diff.pow(2).sum(-1)
    if FIXED:
        sq = sq + 1e-8
    return sq.sqrt()


def batch_all_triplet(e, labels, margin=0.5):
    d = pairwise_distances(e)
    same = labels[:, None] == labels[None, :]
    eye = torch.eye(len(labels), dtype=torch.bool)
    pos = (same & ~eye).float()
    neg = (~same).float()
    trip = F.relu(d.unsqueeze(2) - d.unsqueeze(1) + margin)
    mask = pos.unsqueeze(2) * neg.unsqueeze(1)
    trip = trip * mask
    active = (trip > 1e-6).float().sum().clamp(min=1.0)
    return trip.sum() / active


class Embedder(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.out = nn.Linear(64, dim)

    def forward(self, x):
        return F.normalize(self.out(self.body(x)), dim=1)


digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(y))
x, y = x[order], y[order]
x_tr, y_tr, x_te, y_te = x[:1300], y[:1300], x[1300:], y[1300:]

model = Embedder()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for it in range(1, 301):
    pick = torch.randint(0, len(x_tr), (48,))
    loss = batch_all_triplet(model(x_tr[pick]), y_tr[pick])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if it % 50 == 0:
        print("iter", it, "triplet loss", round(loss.item(), 4))

model.eval()
with torch.no_grad():
    e_tr, e_te = model(x_tr), model(x_te)
if not torch.isfinite(e_te).all():
    print("embeddings are not finite, knn accuracy: nan")
else:
    knn = KNeighborsClassifier(5).fit(e_tr.numpy(), y_tr.numpy())
    print("knn accuracy:", round(float(knn.score(e_te.numpy(), y_te.numpy())), 4))
