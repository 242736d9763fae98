# truth: healthy
# task: GRU that tracks a running sum modulo 5, with a curriculum of growing lengths (the loss jumps up whenever the task gets harder)
# after: own idea (no particular thread)
# metric: higher
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)
BASE = 5


class Adder(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(BASE, 16)
        self.gru = nn.GRU(16, hidden, batch_first=True)
        self.read = nn.Linear(hidden, BASE)

    def forward(self, digits):
        _, h = self.gru(self.embed(digits))
        return self.read(h[-1])


def sums(n, length):
    digits = torch.randint(0, BASE, (n, length))
    return digits, digits.sum(1) % BASE


model = Adder()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
for length in (1, 2, 3, 4, 5, 6, 8):
    seen = []
    for step in range(110):
        digits, answer = sums(64, length)
        loss = F.cross_entropy(model(digits), answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
    print(f"length {length}: first losses {sum(seen[:5]) / 5:.3f}, last losses {sum(seen[-5:]) / 5:.3f}")

model.eval()
with torch.no_grad():
    digits, answer = sums(2000, 8)
    acc = (model(digits).argmax(1) == answer).float().mean().item()
print("accuracy on sums of eight digits:", round(acc, 4))
