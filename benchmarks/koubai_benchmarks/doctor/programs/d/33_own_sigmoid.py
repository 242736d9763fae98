# truth: faulty
# task: classify concentric rings with a network built from a hand-written sigmoid
# wrong: the backward pass of the hand-written sigmoid returns y * (1 - y) without the incoming gradient
# accept: wrong_gradient
# after: https://discuss.mxnet.io/t/implementation-of-sigmoid-extending-mx-autograd-function/647
# metric: higher
import sys

import torch
from sklearn.datasets import make_circles

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)


class SigmoidFn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = 1 / (1 + torch.exp(-x))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        dx = y * (1 - y)
        return dy * dx if FIXED else dx


class Sigmoid(torch.nn.Module):
    def forward(self, x):
        return SigmoidFn.apply(x)


# --- part 1: data -----------------------------------------------------------
X, y = make_circles(n_samples=1600, factor=0.5, noise=0.12, random_state=seed)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
Xtrain, ytrain, Xtest, ytest = X[:1200], y[:1200], X[1200:], y[1200:]

# --- part 2: network --------------------------------------------------------
net = torch.nn.Sequential(
    torch.nn.Linear(2, 12),
    Sigmoid(),
    torch.nn.Linear(12, 12),
    Sigmoid(),
    torch.nn.Linear(12, 1),
)
criterion = torch.nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)

# --- part 3: training -------------------------------------------------------
for epoch in range(60):
    perm = torch.randperm(len(Xtrain))
    cost = 0
    for i in range(0, len(Xtrain), 60):
        b = perm[i:i + 60]
        optimizer.zero_grad()
        out = net(Xtrain[b])[:, 0]
        loss = criterion(out, ytrain[b])
        loss.backward()
        optimizer.step()
        cost += loss.item()
    if epoch % 10 == 9:
        print("epoch", epoch + 1, "cost", cost / 20)

# --- part 4: result ---------------------------------------------------------
with torch.no_grad():
    guess = (net(Xtest)[:, 0] > 0).float()
print("accuracy on the test set =", (guess == ytest).float().mean().item())
