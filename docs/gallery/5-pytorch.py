# %% en
# # A PyTorch loop of your own, watched
#
# The loop stays as it is. This one uses a rate of a ten-millionth.
# %% ja
# # 自分の PyTorch の学習ループを観察する
#
# ループはそのままで構いません。ここでは学習率が 1 千万分の 1 になっています。
# %%
import torch
from torch import nn

import koubai

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=1e-7)
t = torch.randint(0, 3, (600,))
x = torch.eye(4)[t] * 2 + torch.randn(600, 4)

with koubai.watch(model, optimizer) as watch:
    for _ in range(200):
        rows = torch.randint(0, 600, (50,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), t[rows]).backward()
        optimizer.step()
watch
