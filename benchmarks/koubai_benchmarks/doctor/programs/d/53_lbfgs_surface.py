# truth: healthy
# task: fit a surface with full-batch L-BFGS and a closure (a handful of outer steps, many evaluations)
# metric: lower
import sys
import torch
import torch.nn as nn

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

xy = torch.rand(900, 2) * 2 - 1
z = torch.sin(3 * xy[:, :1]) * torch.cos(2 * xy[:, 1:]) + 0.02 * torch.randn(900, 1)
train_xy, train_z, test_xy, test_z = xy[:600], z[:600], xy[600:], z[600:]

model = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.LBFGS(model.parameters(), lr=1, max_iter=20, history_size=30, line_search_fn="strong_wolfe")

evaluations = 0


def closure():
    global evaluations
    evaluations += 1
    optimizer.zero_grad()
    loss = criterion(model(train_xy), train_z)
    loss.backward()
    return loss


for i in range(25):
    loss = optimizer.step(closure)
    if i % 5 == 0:
        print("STEP", i, "loss before the step:", loss.item(), "evaluations so far:", evaluations)
with torch.no_grad():
    print("variance of z:", test_z.var().item())
    print("test loss:", criterion(model(test_xy), test_z).item())
