# truth: healthy
# task: a straight line through noise
# metric: lower
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(400, 1)
y = 3 * x - 1 + 0.1 * torch.randn(400, 1)
model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(300):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
print(f"mse {loss.item():.6f}")
