# truth: healthy
# task: fit a smooth two-dimensional surface with a tanh net by full-batch LBFGS (closure, lr=1)
# after: https://pytorch.org/docs/stable/generated/torch.optim.LBFGS.html
# metric: lower
import argparse
import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
opts = parser.parse_args()
torch.manual_seed(opts.seed)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def surface(p):
    x, y = p[:, :1], p[:, 1:]
    return torch.sin(3 * x) * torch.cos(2 * y) + 0.5 * x * y


train_p = torch.rand(400, 2) * 2 - 1
test_p = torch.rand(400, 2) * 2 - 1
train_v = surface(train_p) + 0.01 * torch.randn(400, 1)
test_v = surface(test_p)

net = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1))
optimizer = torch.optim.LBFGS(net.parameters(), lr=1.0, max_iter=4, history_size=20, line_search_fn="strong_wolfe")
mse = nn.MSELoss()


def closure():
    optimizer.zero_grad()
    loss = mse(net(train_p), train_v)
    loss.backward()
    return loss


for outer in range(220):
    loss = optimizer.step(closure)
    if outer % 40 == 0:
        print(f"outer {outer:3d}  loss before the step {loss.item():.3e}")

with torch.no_grad():
    print("rmse of the mean:", round(test_v.std().item(), 4))
    print("test rmse:", round(mse(net(test_p), test_v).sqrt().item(), 5))
