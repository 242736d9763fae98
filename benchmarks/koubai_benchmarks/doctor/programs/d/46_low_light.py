# truth: faulty
# task: brighten dark images with a learned curve (no reference images)
# wrong: the colour loss takes pow(., 0.5) of a sum that is exactly zero for black crops; the gradient there is infinite times zero
# accept: not_finite
# after: https://github.com/Li-Chongyi/Zero-DCE_extension/issues/2
# metric: lower
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
EPS = 1e-5 if FIXED else 0.0

torch.manual_seed(SEED)
torch.set_num_threads(1)


def dark_images(n, size=16):
    base = torch.rand(n, 3, 4, 4)
    img = F.interpolate(base, size=size, mode="bilinear", align_corners=False)
    img = img * (0.1 + 0.4 * torch.rand(n, 1, 1, 1))
    # night shots: now and then a crop holds nothing but sky
    sky = torch.rand(n) < 0.004
    img[sky] = 0.0
    return img


class EnhanceNet(nn.Module):
    def __init__(self, width=12, n_iter=4):
        super().__init__()
        self.n_iter = n_iter
        self.net = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, 3, 3, padding=1), nn.Tanh(),
        )

    def forward(self, x):
        a = self.net(x)
        for _ in range(self.n_iter):
            x = x + a * (x - x * x)
        return x, a


class L_color(nn.Module):
    def forward(self, x):
        r, g, b = x.mean(dim=(2, 3)).unbind(1)
        d = (r - g) ** 2 + (r - b) ** 2 + (g - b) ** 2
        return torch.pow(d + EPS, 0.5).mean()


class L_exp(nn.Module):
    def __init__(self, patch=4, level=0.6):
        super().__init__()
        self.pool, self.level = nn.AvgPool2d(patch), level

    def forward(self, x):
        return (self.pool(x.mean(1, keepdim=True)) - self.level).pow(2).mean()


def total_variation(a):
    return (a[..., 1:, :] - a[..., :-1, :]).pow(2).mean() + (a[..., 1:] - a[..., :-1]).pow(2).mean()


train, test = dark_images(1600), dark_images(200)
model, l_color, l_exp = EnhanceNet(), L_color(), L_exp()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
for epoch in range(5):
    for i, idx in enumerate(torch.randperm(len(train)).split(32)):
        out, a = model(train[idx])
        loss = 10 * l_exp(out) + 0.5 * l_color(out) + 2 * total_variation(a)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        if i % 25 == 0:
            print(f"Loss at iteration {epoch * 50 + i}: {loss.item():.5f}")

model.eval()
with torch.no_grad():
    print("exposure error on test images:", l_exp(model(test)[0]).item())
