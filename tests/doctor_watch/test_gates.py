"""Gates: a softmax that weighs what others answer is no output layer."""

import torch
from torch import nn

import koubai


class Mixture(nn.Module):
    """Experts in a plain list, weighed by a gate whose softmax is the last activation that is seen."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 4))
        self.experts = [nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 1)) for _ in range(4)]

    def forward(self, x):
        told = torch.cat([expert(x) for expert in self.experts], 1)
        return (self.gate(x).softmax(1) * told).sum(1, keepdim=True)


def test_a_gate_is_no_output_layer():
    torch.manual_seed(0)
    x = 4 * torch.rand(600, 2) - 2
    t = torch.where(x[:, :1] > 0.5, torch.sin(3 * x[:, 1:]), 1.2 * x[:, :1] * x[:, 1:] - 0.5)
    model = Mixture()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(300):
            rows = torch.randint(0, 600, (64,))
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x[rows]), t[rows]).backward()
            optimizer.step()
    names = [finding.name for finding in watch.findings if finding.alarm]
    assert names[0] == "not_training"
    assert "output_range" not in names
