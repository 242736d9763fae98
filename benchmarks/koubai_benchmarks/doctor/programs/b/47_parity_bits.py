# truth: healthy
# task: parity of 3 unknown bits among 20; the loss rests at chance for a long while and then drops
# metric: higher
import sys
import torch
import torch.nn as nn

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)
BITS, SECRET = 20, [2, 7, 13]


def batch(n):
    x = torch.randint(0, 2, (n, BITS)).float() * 2 - 1
    return x, (x[:, SECRET].prod(1) > 0).float()


net = nn.Sequential(nn.Linear(BITS, 256), nn.ReLU(), nn.Linear(256, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.3)
bce = nn.BCEWithLogitsLoss()
smooth = 0.69
for step in range(1, 4001):
    x, y = batch(128)
    loss = bce(net(x).squeeze(1), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    smooth = 0.98 * smooth + 0.02 * loss.item()
    if step % 400 == 0:
        print(f"{step:6d} {smooth:.4f}")

xt, yt = batch(4000)
with torch.no_grad():
    acc = ((net(xt).squeeze(1) > 0).float() == yt).float().mean().item()
print(f"accuracy {acc:.4f}")
