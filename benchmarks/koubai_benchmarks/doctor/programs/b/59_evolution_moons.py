# truth: healthy
# task: classify two moons with evolution strategies: no autograd, weights moved by hand
# metric: higher
import argparse
import torch
from sklearn.datasets import make_moons

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
torch.manual_seed(seed)
torch.set_num_threads(1)
torch.set_grad_enabled(False)

x, y = make_moons(1500, noise=0.15, random_state=seed)
x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
xtr, ytr, xte, yte = x[:1000], y[:1000], x[1000:], y[1000:]

net = torch.nn.Sequential(torch.nn.Linear(2, 12), torch.nn.Tanh(), torch.nn.Linear(12, 1))
theta = torch.nn.utils.parameters_to_vector(net.parameters())
sigma, rate, pairs = 0.1, 0.3, 16


def loss_of(vec, xb, yb):
    torch.nn.utils.vector_to_parameters(vec, net.parameters())
    return torch.nn.functional.binary_cross_entropy_with_logits(net(xb).squeeze(1), yb)


for gen in range(1, 501):
    idx = torch.randint(1000, (128,))
    direction = torch.zeros_like(theta)
    for _ in range(pairs):
        eps = torch.randn_like(theta)
        gap = loss_of(theta + sigma * eps, xtr[idx], ytr[idx]) - loss_of(theta - sigma * eps, xtr[idx], ytr[idx])
        direction += gap / (2 * sigma) * eps
    theta = theta - rate * direction / pairs
    if gen % 100 == 0:
        print(f"generation {gen} loss {loss_of(theta, xtr, ytr).item():.4f}")
torch.nn.utils.vector_to_parameters(theta, net.parameters())
acc = ((net(xte).squeeze(1) > 0).float() == yte).float().mean().item()
print(f"test accuracy {acc:.4f}")
