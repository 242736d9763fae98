# truth: faulty
# task: recurrent world model that predicts the next pendulum state from state and torque
# wrong: warm-up and cosine lengths are counted in batches but the schedule is stepped once per epoch, so the whole run stays at the start of the warm-up
# accept: learning_rate_too_low, too_few_steps, under_fitting
# after: https://github.com/galilai-group/stable-worldmodel/issues/280
# metric: lower
import math
import sys

import torch
import torch.nn as nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
INTERVAL = "step" if FIXED else "epoch"


def rollouts(n, steps=20, dt=0.15):
    th = (torch.rand(n) * 2 - 1) * math.pi
    om = torch.randn(n)
    obs, act = [], []
    for _ in range(steps + 1):
        u = torch.randn(n)
        obs.append(torch.stack([th.cos(), th.sin(), om / 3], dim=1))
        act.append(u[:, None])
        om = om + dt * (-3 * th.sin() + u - 0.1 * om)
        th = th + dt * om
    return torch.stack(obs, 1), torch.stack(act, 1)


class WorldModel(nn.Module):
    def __init__(self, hidden=40):
        super().__init__()
        self.rnn = nn.GRU(4, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 3)

    def forward(self, obs, act):
        h, _ = self.rnn(torch.cat([obs, act], dim=-1))
        return self.head(h)


def warmup_cosine(warmup, total):
    def factor(step):
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / (total - warmup))))
    return factor


class LitModule:
    def __init__(self, n_batches, max_epochs):
        self.model = WorldModel()
        self.max_epochs = max_epochs
        total = n_batches * max_epochs
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=5e-3, weight_decay=1e-4)
        self.scheduler = {
            "scheduler": LambdaLR(self.optimizer, warmup_cosine(int(0.25 * total), total)),
            "interval": INTERVAL,
        }

    def loss(self, batch):
        obs, act = batch
        return nn.functional.mse_loss(self.model(obs[:, :-1], act[:, :-1]), obs[:, 1:])

    def fit(self, loader):
        for epoch in range(self.max_epochs):
            self.model.train()
            acc = 0.0
            for batch in loader:
                loss = self.loss(batch)
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                self.optimizer.step()
                if self.scheduler["interval"] == "step":
                    self.scheduler["scheduler"].step()
                acc += loss.item()
            if self.scheduler["interval"] == "epoch":
                self.scheduler["scheduler"].step()
            print(f"epoch {epoch}: loss {acc / len(loader):.5f}")


torch.manual_seed(SEED)
torch.set_num_threads(1)
loader = DataLoader(TensorDataset(*rollouts(1600)), batch_size=32, shuffle=True)
lit = LitModule(len(loader), max_epochs=8)
lit.fit(loader)
lit.model.eval()
with torch.no_grad():
    print("test loss", lit.loss(rollouts(500)).item())
