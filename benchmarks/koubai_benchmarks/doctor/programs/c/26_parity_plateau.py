# truth: healthy
# task: learn the parity of three hidden bits out of sixteen: a long plateau at log 2, then the loss drops
# after: own idea (no particular thread)
# metric: higher
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)

BITS = 16
hidden_bits = torch.randperm(BITS)[:3]


def batch(n):
    x = torch.randint(0, 2, (n, BITS)).float() * 2 - 1
    return x, (x[:, hidden_bits].prod(1) > 0).float()


model = nn.Sequential(nn.Linear(BITS, 128), nn.ReLU(), nn.Linear(128, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.04, momentum=0.9)
window = []
for step in range(1, 2001):
    x, y = batch(64)
    loss = F.binary_cross_entropy_with_logits(model(x).squeeze(1), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    window.append(loss.item())
    if step % 200 == 0:
        print(f"step {step} loss {sum(window) / len(window):.4f}")
        window = []

x, y = batch(4000)
with torch.no_grad():
    print("accuracy", ((model(x).squeeze(1) > 0).float() == y).float().mean().item())
