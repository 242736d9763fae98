# truth: faulty
# task: homework: three-layer network for a spiral with five arms, written by hand on tensors after a NumPy course
# wrong: all weights start at the same constant, so the hidden units stay copies of each other
# accept: symmetric_init
# after: https://community.deeplearning.ai/t/week-1-programming-assignment-initialization-exercise-1-initialize-parameters-zeros/121049
# metric: higher
import argparse
import numpy as np
import torch

torch.set_num_threads(1)
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
args = parser.parse_args()
np.random.seed(args.seed)
torch.manual_seed(args.seed)


def initialize_parameters(sizes):
    params = {}
    for l in range(1, len(sizes)):
        if args.fixed:
            w = np.random.randn(sizes[l - 1], sizes[l]) / np.sqrt(sizes[l - 1])
        else:
            w = np.full((sizes[l - 1], sizes[l]), 0.01)
        params["W%d" % l] = torch.tensor(w, dtype=torch.float32, requires_grad=True)
        params["b%d" % l] = torch.zeros(sizes[l], requires_grad=True)
    return params


def forward(X, params):
    A = X
    L = len(params) // 2
    for l in range(1, L):
        A = torch.tanh(A @ params["W%d" % l] + params["b%d" % l])
    return A @ params["W%d" % L] + params["b%d" % L]


def cost(Z, Y):
    Z = Z - Z.max(dim=1, keepdim=True).values
    logp = Z - torch.log(torch.exp(Z).sum(dim=1, keepdim=True))
    return -logp[torch.arange(len(Y)), Y].mean()


def update(params, lr):
    with torch.no_grad():
        for p in params.values():
            p -= lr * p.grad
            p.grad = None


def predict(X, params):
    with torch.no_grad():
        return forward(X, params).argmax(dim=1)


def spiral(n, arms=5):
    arm = np.random.randint(0, arms, n)
    r = np.random.uniform(0.05, 1.0, n)
    theta = r * 3.5 + arm * 2 * np.pi / arms + np.random.randn(n) * 0.15
    points = np.stack([r * np.sin(theta), r * np.cos(theta)], axis=1)
    return torch.tensor(points, dtype=torch.float32) * 2, torch.tensor(arm)


X_train, Y_train = spiral(1300)
X_test, Y_test = spiral(500)

params = initialize_parameters([2, 40, 20, 5])
costs = []
for it in range(4000):
    rows = np.random.choice(1300, 64, replace=False)
    c = cost(forward(X_train[rows], params), Y_train[rows])
    c.backward()
    update(params, lr=0.1)
    costs.append(c.item())
    if it % 500 == 0:
        print("Cost after iteration %d: %f" % (it, np.mean(costs[-200:])))

train_acc = (predict(X_train, params) == Y_train).float().mean().item()
test_acc = (predict(X_test, params) == Y_test).float().mean().item()
print("Train accuracy: %.4f" % train_acc)
print("Test accuracy: %.4f" % test_acc)
