# truth: healthy
# task: parity of 5 of 32 bits; the loss stands still at log 2 for a while and then drops
# metric: higher
import argparse
import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--n", type=int, default=32)
parser.add_argument("--k", type=int, default=5)
parser.add_argument("--steps", type=int, default=1800)
a = parser.parse_args()

torch.manual_seed(a.seed)
torch.set_num_threads(1)


def bits(m):
    x = torch.randint(0, 2, (m, a.n)).float() * 2 - 1
    return x, (x[:, : a.k].prod(1) > 0).float()


net = nn.Sequential(nn.Linear(a.n, 200), nn.ReLU(), nn.Linear(200, 1))
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
loss_fn = nn.BCEWithLogitsLoss()
x_test, y_test = bits(2000)
for step in range(1, a.steps + 1):
    x, y = bits(256)
    loss = loss_fn(net(x).squeeze(1), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 150 == 0:
        with torch.no_grad():
            acc = ((net(x_test).squeeze(1) > 0).float() == y_test).float().mean().item()
        print(f"{step:5d} loss {loss.item():.4f} acc {acc:.4f}")
