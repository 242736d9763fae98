# truth: healthy
# task: two-layer net on digits written with bare tensors, updated by hand with a step of 1.0 (pixels in 0..1, sigmoid units)
# after: own idea (no particular thread)
# metric: higher
import sys
import torch
from sklearn.datasets import load_digits

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
g = torch.Generator().manual_seed(seed)
torch.set_num_threads(1)

digits = load_digits()
X = torch.tensor(digits.data / 16.0, dtype=torch.float32)
Y = torch.tensor(digits.target)
order = torch.randperm(len(X), generator=g)
X, Y = X[order], Y[order]
X_tr, Y_tr, X_te, Y_te = X[:1350], Y[:1350], X[1350:], Y[1350:]

w1 = (torch.randn(64, 60, generator=g) * 0.1).requires_grad_()
b1 = torch.zeros(60, requires_grad=True)
w2 = (torch.randn(60, 10, generator=g) * 0.1).requires_grad_()
b2 = torch.zeros(10, requires_grad=True)
weights = [w1, b1, w2, b2]
rate = 1.0


def forward(x):
    h = torch.sigmoid(x @ w1 + b1)
    return (h @ w2 + b2).log_softmax(1)


for epoch in range(40):
    perm = torch.randperm(len(X_tr), generator=g)
    total = 0.0
    for start in range(0, len(perm), 50):
        pick = perm[start:start + 50]
        logp = forward(X_tr[pick])
        loss = -logp[torch.arange(len(pick)), Y_tr[pick]].mean()
        loss.backward()
        with torch.no_grad():
            for w in weights:
                w -= rate * w.grad
                w.grad = None
        total += loss.item() * len(pick)
    if epoch % 8 == 7:
        print(f"epoch {epoch + 1}: loss {total / len(X_tr):.4f}")

with torch.no_grad():
    acc = (forward(X_te).argmax(1) == Y_te).float().mean().item()
print(f"test accuracy {acc:.4f}")
