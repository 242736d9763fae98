# truth: healthy
# task: classify points of three spirals although 45 percent of the training labels were replaced at random (nobody can learn those)
# metric: higher
import argparse
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", default=0, type=int)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
rng = np.random.RandomState(args.seed)


def spirals(n):
    c = rng.randint(0, 3, n)
    r = rng.uniform(0.2, 1.5, n)
    a = 2.5 * r + c * 2 * np.pi / 3 + rng.normal(0, 0.08, n)
    x = np.stack([r * np.cos(a), r * np.sin(a)], 1)
    return x.astype(np.float32), c.astype(np.int64)


x, c = spirals(6000)
noisy = rng.rand(len(c)) < 0.45
c_train = np.where(noisy, rng.randint(0, 3, len(c)), c)
xt, ct = spirals(1500)
loader = DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(c_train)), batch_size=100, shuffle=True)

model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 20)
for epoch in range(20):
    total, right = 0.0, 0
    for xb, cb in loader:
        logits = model(xb)
        loss = nn.functional.cross_entropy(logits, cb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(xb)
        right += (logits.argmax(1) == cb).sum().item()
    sched.step()
    print(f"epoch {epoch + 1}: train loss {total / len(x):.4f}, train acc {right / len(x):.3f}")
with torch.no_grad():
    acc = (model(torch.from_numpy(xt)).argmax(1).numpy() == ct).mean()
print(f"accuracy on clean test points {acc:.4f}")
