# truth: faulty
# task: the sign of a sum of ten numbers
# wrong: a rate of 1e-6, at which nothing moves
# accept: learning_rate_too_low
# after: nobody
# metric: higher
import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
args = parser.parse_args()
torch.manual_seed(args.seed)
x = torch.randn(1200, 10)
t = (x.sum(1) > 0).long()
model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1 if args.fixed else 1e-6)
for step in range(300):
    rows = torch.randint(1000, (32,))
    loss = nn.functional.cross_entropy(model(x[rows]), t[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"{step} {loss.item():.6f}")
with torch.no_grad():
    print("accuracy", (model(x[1000:]).argmax(1) == t[1000:]).float().mean().item())
