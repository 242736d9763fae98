# truth: faulty
# task: meta-learning (MAML) of sine waves from ten points
# wrong: the gradients of the meta-parameters are never set to zero between meta-updates
# accept: gradients_not_reset
# after: https://github.com/huggingface/transformers/issues/340
# metric: lower
import argparse
import math

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
parser.add_argument("--meta-steps", type=int, default=1500)
parser.add_argument("--tasks", type=int, default=10)
parser.add_argument("--shots", type=int, default=10)
parser.add_argument("--inner-lr", type=float, default=0.05)
args = parser.parse_args()
torch.manual_seed(args.seed)


def sample_tasks(n):
    amp = 0.5 + 3.0 * torch.rand(n, 1, 1)
    phase = math.pi * torch.rand(n, 1, 1)

    def draw(k):
        x = torch.rand(n, k, 1) * 6 - 3
        return x, amp * torch.sin(x - phase)
    return draw


def init_params(width=40):
    shapes = [(1, width), (width, width), (width, 1)]
    params = []
    for i, o in shapes:
        params.append((torch.randn(i, o) * math.sqrt(1.0 / i)).requires_grad_())
        params.append((0.1 * torch.randn(1, o)).requires_grad_())
    return params


def forward(params, x):
    w1, b1, w2, b2, w3, b3 = params
    h = torch.tanh(x @ w1 + b1)
    h = torch.tanh(h @ w2 + b2)
    return h @ w3 + b3


def adapt(params, x, y, steps, create_graph):
    fast = [p.unsqueeze(0).expand(x.size(0), *p.shape) for p in params]
    for _ in range(steps):
        per_task = (forward(fast, x) - y).pow(2).mean((1, 2))
        grads = torch.autograd.grad(per_task.sum(), fast, create_graph=create_graph)
        fast = [w - args.inner_lr * g for w, g in zip(fast, grads)]
    return fast


meta_params = init_params()
meta_optimizer = torch.optim.Adam(meta_params, lr=4e-3)

for it in range(args.meta_steps):
    task = sample_tasks(args.tasks)
    support, query = task(args.shots), task(args.shots)
    fast = adapt(meta_params, *support, steps=1, create_graph=True)
    meta_loss = F.mse_loss(forward(fast, query[0]), query[1])
    if args.fixed:
        meta_optimizer.zero_grad()
    meta_loss.backward()
    meta_optimizer.step()
    if it % 250 == 0:
        print(f"meta step {it:4d}  query loss {meta_loss.item():.4f}")

task = sample_tasks(300)
support, query = task(args.shots), task(50)
fast = adapt(meta_params, *support, steps=1, create_graph=False)
with torch.no_grad():
    error = F.mse_loss(forward(fast, query[0]), query[1]).item()
print(f"mse on new sine waves after one step of adaptation: {error:.4f}")
