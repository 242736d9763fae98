# truth: faulty
# task: upscale 4x4 digit thumbnails to 8x8 with a small sub-pixel CNN
# wrong: StepLR(step_size=epochs // 2) is stepped after every batch, so the rate is cut by ten every 10 batches
# accept: schedule_too_fast, learning_rate_too_low
# after: https://github.com/Lornatang/SRGAN-PyTorch/issues/1
# metric: higher
import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--fixed", action="store_true")
opt = parser.parse_args()

torch.set_num_threads(1)
torch.manual_seed(opt.seed)


class Upscaler(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.PReLU())
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.PReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )
        self.tail = nn.Sequential(nn.Conv2d(width, 4, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x):
        h = self.head(x)
        return self.tail(h + self.body(h))


def psnr(net, lo, hi):
    net.eval()
    with torch.no_grad():
        mse = F.mse_loss(net(lo).clamp(0, 1), hi).item()
    net.train()
    return 10 * math.log10(1 / mse)


images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
images = images[torch.randperm(len(images))]
hr_train, hr_test = images[:1400], images[1400:]
lr_train, lr_test = F.avg_pool2d(hr_train, 2), F.avg_pool2d(hr_test, 2)
loader = DataLoader(TensorDataset(lr_train, hr_train), batch_size=64, shuffle=True)

net = Upscaler()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
scheduler = StepLR(optimizer, step_size=opt.epochs // 2, gamma=0.1)

for epoch in range(1, opt.epochs + 1):
    total = 0.0
    for lo, hi in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(net(lo), hi)
        loss.backward()
        optimizer.step()
        if not opt.fixed:
            scheduler.step()
        total += loss.item() * len(lo)
    if opt.fixed:
        scheduler.step()
    if epoch % 4 == 0:
        print(f"epoch {epoch:2d}  train mse {total / len(hr_train):.4f}  psnr {psnr(net, lr_test, hr_test):.2f}")
print("test psnr", round(psnr(net, lr_test, hr_test), 3))
