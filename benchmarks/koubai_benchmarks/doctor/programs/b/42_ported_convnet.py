# truth: faulty
# task: classify 8x8 digits with a small ConvNet ported from another framework
# wrong: BatchNorm momentum=0.999 is the other framework's convention; here the running statistics become those of the last batch, and evaluation suffers
# accept: batch_norm_misuse
# after: https://discuss.pytorch.org/t/what-does-model-eval-do-for-batchnorm-layer/7146 (eval() gives 10 percent, train() 76) and https://techqa.club/v/q/why-does-the-accuracy-fluctuate-widely-after-using-batch-normalization-74946623
# metric: higher
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

FIXED = "--fixed" in sys.argv
BN_MOMENTUM = 0.1 if FIXED else 0.999


def get_seed(default=0):
    return int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else default


class ConvBN(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(cout, eps=1e-3, momentum=BN_MOMENTUM)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = ConvBN(1, 16), ConvBN(16, 32)
        self.c3 = ConvBN(32, 32)
        self.fc1 = nn.Linear(128, 64, bias=False)
        self.bn = nn.BatchNorm1d(64, eps=1e-3, momentum=BN_MOMENTUM)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(self.c1(x), 2)
        x = F.max_pool2d(self.c3(self.c2(x)), 2)
        return self.fc2(F.relu(self.bn(self.fc1(x.flatten(1)))))


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


torch.manual_seed(get_seed())
torch.set_num_threads(1)
bunch = load_digits()
X = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 16
Y = torch.tensor(bunch.target)
perm = torch.randperm(len(X))
Xtr, Ytr, Xte, Yte = X[perm[:1400]], Y[perm[:1400]], X[perm[1400:]], Y[perm[1400:]]

model = Net()
opt = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
for epoch in range(5):
    model.train()
    correct = 0
    order = torch.randperm(len(Xtr))
    for i in range(0, len(order), 4):
        idx = order[i:i + 4]
        out = model(Xtr[idx])
        loss = F.cross_entropy(out, Ytr[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        correct += (out.argmax(1) == Ytr[idx]).sum().item()
    print(f"epoch {epoch + 1}  train acc {correct / len(Xtr):.3f}  val acc {accuracy(model, Xte, Yte):.3f}")
print(f"val acc {accuracy(model, Xte, Yte):.4f}")
