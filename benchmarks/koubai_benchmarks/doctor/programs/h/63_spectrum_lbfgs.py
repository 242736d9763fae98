# truth: faulty
# task: fit a noisy absorption spectrum with a small network and L-BFGS (scientific curve fitting)
# wrong: the closure given to LBFGS does not zero the gradients, so every evaluation adds to the former ones
# accept: gradients_not_reset
# after: https://runebook.dev/ru/docs/pytorch/generated/torch.optim.lbfgs/torch.optim.LBFGS.step
# metric: lower
import argparse
import numpy as np
import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--fixed", action="store_true")
ap.add_argument("--outer", type=int, default=200)
ap.add_argument("--lr", type=float, default=1.0)
args = ap.parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)


def spectrum(wl, temp):
    """Three absorption lines that shift and broaden with the temperature."""
    total = np.zeros_like(wl)
    for center, width, depth, shift in [(-0.9, 0.25, 1.0, 0.15), (0.1, 0.35, 0.7, -0.2), (1.1, 0.3, 0.9, 0.1)]:
        w = width * (1 + 0.3 * temp)
        total += depth * w ** 2 / ((wl - center - shift * temp) ** 2 + w ** 2)
    return total


def measure(n, noise):
    wl, temp = rng.uniform(-2, 2, n), rng.uniform(-1, 1, n)
    y = spectrum(wl, temp) + noise * rng.standard_normal(n)
    return torch.tensor(np.stack([wl, temp], 1)), torch.tensor(y).unsqueeze(1)


x, y = measure(700, 0.02)
x_test, y_test = measure(600, 0.0)
offset, scale = y.mean(), y.std()
target = (y - offset) / scale

W1 = (torch.randn(2, 24) * 0.9).requires_grad_()
b1 = (torch.randn(24) * 0.5).requires_grad_()
W2 = (torch.randn(24, 24) / 24 ** 0.5).requires_grad_()
b2 = torch.zeros(24, requires_grad=True)
W3 = (torch.randn(24, 1) / 24 ** 0.5).requires_grad_()
b3 = torch.zeros(1, requires_grad=True)
params = [W1, b1, W2, b2, W3, b3]


def net(v):
    h = torch.tanh(v @ W1 + b1)
    h = torch.tanh(h @ W2 + b2)
    return h @ W3 + b3


def objective():
    fit = ((net(x) - target) ** 2).mean()
    ridge = 1e-6 * sum((p ** 2).sum() for p in params)
    return fit + ridge


optimizer = torch.optim.LBFGS(params, lr=args.lr, max_iter=4, history_size=20,
                              line_search_fn="strong_wolfe")


def closure():
    if args.fixed:
        optimizer.zero_grad()
    loss = objective()
    loss.backward()
    return loss


best, kept = float("inf"), [p.detach().clone() for p in params]
for it in range(args.outer):
    before = [p.detach().clone() for p in params]
    loss = optimizer.step(closure)
    if not torch.isfinite(loss):
        print("stopped at iteration", it)
        break
    if loss.item() < best:
        best, kept = loss.item(), before
    if it % 20 == 0:
        print(f"iteration {it:4d}  objective {loss.item():.6f}")

with torch.no_grad():
    for p, q in zip(params, kept):
        p.copy_(q)
    pred = net(x_test) * scale + offset
    rmse = ((pred - y_test) ** 2).mean().sqrt().item()
print(f"spread of the test spectrum {y_test.std().item():.4f}")
print(f"test rmse {rmse:.5f}")
