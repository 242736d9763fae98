# truth: healthy
# task: softmax regression on digits scaled to [0, 1] / 8, full-batch gradient descent with rate 60
# metric: higher
import argparse
import torch
from sklearn.datasets import load_digits

a = argparse.ArgumentParser()
a.add_argument("--seed", type=int, default=0)
a = a.parse_args()
g = torch.Generator().manual_seed(a.seed)
torch.set_num_threads(1)

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 128, dtype=torch.float32), torch.tensor(y)
p = torch.randperm(len(x), generator=g)
x, y = x[p], y[p]
xtr, ytr, xte, yte = x[:1300], y[:1300], x[1300:], y[1300:]

W = torch.zeros(64, 10, requires_grad=True)
b = torch.zeros(10, requires_grad=True)
RATE = 60.0
for it in range(3001):
    loss = torch.nn.functional.cross_entropy(xtr @ W + b, ytr)
    gw, gb = torch.autograd.grad(loss, [W, b])
    with torch.no_grad():
        W -= RATE * gw
        b -= 0.01 * RATE * gb
    if it % 500 == 0:
        acc = ((xte @ W + b).argmax(1) == yte).float().mean().item()
        print(f"{it:5d}  loss {loss.item():.4f}  held out {acc:.3f}")
acc = ((xte @ W + b).argmax(1) == yte).float().mean().item()
print(f"held-out accuracy {acc:.4f}")
