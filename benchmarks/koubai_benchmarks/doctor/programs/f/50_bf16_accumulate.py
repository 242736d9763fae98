# truth: healthy
# task: small convolutional net on digits in bfloat16 autocast with averaged gradient accumulation and clipping
# after: https://github.com/huggingface/accelerate/pull/1036
# metric: higher
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=14)
parser.add_argument("--accum", type=int, default=4)
parser.add_argument("--clip", type=float, default=1.0)
args = parser.parse_args()
torch.manual_seed(args.seed)

digits = load_digits()
perm = np.random.default_rng(args.seed).permutation(len(digits.target))
X = torch.tensor(digits.images[perm] / 16, dtype=torch.float32).unsqueeze(1)
Y = torch.tensor(digits.target[perm])
loader = DataLoader(TensorDataset(X[:1300], Y[:1300]), batch_size=16, shuffle=True)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.norm1 = nn.GroupNorm(3, 12)
        self.conv2 = nn.Conv2d(12, 24, 3, stride=2, padding=1)
        self.norm2 = nn.GroupNorm(3, 24)
        self.fc = nn.Linear(24 * 16, 10)

    def forward(self, x):
        x = torch.relu(self.norm1(self.conv1(x)))
        x = torch.relu(self.norm2(self.conv2(x)))
        return self.fc(x.flatten(1))


model = ConvNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
steps_per_epoch = -(-len(loader) // args.accum)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=args.epochs * steps_per_epoch, pct_start=0.2)
loss_fn = nn.CrossEntropyLoss(reduction="sum")

for epoch in range(args.epochs):
    model.train()
    epoch_loss = 0.0
    pending = []
    for k, pair in enumerate(loader):
        pending.append(pair)
        if len(pending) < args.accum and k + 1 < len(loader):
            continue
        count = sum(len(y) for _, y in pending)
        optimizer.zero_grad()
        for x, y in pending:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(x)
            loss = loss_fn(logits.float(), y) / count
            loss.backward()
            epoch_loss += loss.item() * count
        nn.utils.clip_grad_norm_(model.parameters(), args.clip)
        optimizer.step()
        scheduler.step()
        pending = []
    print(f"epoch {epoch + 1} loss {epoch_loss / len(loader.dataset):.4f}")

model.eval()
with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
    acc = (model(X[1300:]).argmax(1) == Y[1300:]).float().mean().item()
print(f"test accuracy {acc:.4f}")
