# truth: faulty
# task: digits with a hand-written tanh network
# wrong: weights are drawn with torch.randn(in, out), unscaled: the tanh units are saturated from the start
# accept: init_too_large, saturated_units
# after: https://stats.stackexchange.com/questions/320289/approximate-the-sine-function-with-shallow-neural-network (torch.randn weights, tanh layers)
# metric: higher
import sys

import numpy as np
import torch
from sklearn.datasets import load_digits

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)

layer_size = [64, 100, 100, 100, 10]
layer_weights, layer_biases = [], []
for n_in, n_out in zip(layer_size[:-1], layer_size[1:]):
    w = torch.randn(n_in, n_out)
    if FIXED:
        w = w / n_in ** 0.5
    layer_weights.append(w.requires_grad_(True))
    layer_biases.append(torch.zeros(n_out, requires_grad=True))


def forward(x):
    for i, (w, b) in enumerate(zip(layer_weights, layer_biases)):
        x = x @ w + b
        if i < len(layer_weights) - 1:
            x = torch.tanh(x)
    return x


def cross_entropy(scores, labels):
    return (torch.logsumexp(scores, 1) - scores[torch.arange(len(labels)), labels]).mean()


x, y = load_digits(return_X_y=True)
x = (x - x.mean()) / x.std()
order = np.random.RandomState(seed).permutation(len(x))
x = torch.tensor(x[order], dtype=torch.float32)
y = torch.tensor(y[order])
x_train, y_train, x_val, y_val = x[:1400], y[:1400], x[1400:], y[1400:]

lr = 0.02
for iteration in range(1, 2501):
    idx = torch.randint(len(x_train), (64,))
    loss = cross_entropy(forward(x_train[idx]), y_train[idx])
    loss.backward()
    with torch.no_grad():
        for p in layer_weights + layer_biases:
            p -= lr * p.grad
            p.grad = None
    if iteration % 500 == 0:
        with torch.no_grad():
            val = (forward(x_val).argmax(1) == y_val).float().mean().item()
        print("iteration", iteration, "loss", round(loss.item(), 4), "val", round(val, 4))
print("validation accuracy", round(val, 4))
