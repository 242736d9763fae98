# truth: healthy
# task: Wasserstein GAN with weight clipping that draws two moons; neither printed loss need fall
# metric: lower
import sys
import torch
import torch.nn as nn
from sklearn.datasets import make_moons

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)

pts, _ = make_moons(6000, noise=0.05, random_state=seed)
pts = torch.tensor((pts - pts.mean(0)) / pts.std(0), dtype=torch.float32)
train, test = pts[:5000], pts[5000:]

netG = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
netD = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
optG = torch.optim.RMSprop(netG.parameters(), lr=5e-4)
optD = torch.optim.RMSprop(netD.parameters(), lr=5e-4)
clip = 0.1


def energy(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


with torch.no_grad():
    print("energy distance before:", energy(netG(torch.randn(1000, 4)), test))

for gen_iterations in range(601):
    for _ in range(4):
        real = train[torch.randint(0, len(train), (128,))]
        with torch.no_grad():
            fake = netG(torch.randn(128, 4))
        errD = netD(fake).mean() - netD(real).mean()
        optD.zero_grad()
        errD.backward()
        optD.step()
        for p in netD.parameters():
            p.data.clamp_(-clip, clip)
    errG = -netD(netG(torch.randn(128, 4))).mean()
    optG.zero_grad()
    errG.backward()
    optG.step()
    if gen_iterations % 100 == 0:
        print(f"[{gen_iterations}] Loss_D: {errD.item():.4f} Loss_G: {errG.item():.4f}")

with torch.no_grad():
    print("energy distance:", energy(netG(torch.randn(1000, 4)), test))
