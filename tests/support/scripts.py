"""Texts of small training scripts, or parts of them, that are run by tests of more than one area."""

TWO_ARGUMENTS = """class Net(nn.Module):  # called with two arguments: koubai has no twin of it
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(12, 32), nn.Linear(32, 5)
    def forward(self, x, scale):
        return self.second(torch.tanh(self.first(x))) * scale"""


def from_zero(steps):
    """A script whose weights all begin at 0: its units stay alike. `steps` is an expression of Python."""
    return f"""import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
for p in model.parameters():
    nn.init.zeros_(p)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
t = torch.randint(0, 3, (600,))
x = torch.eye(4)[t] * 2 + torch.randn(600, 4)
for step in range({steps}):
    rows = torch.randint(0, 600, (50,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x[rows]), t[rows]).backward()
    optimizer.step()"""
