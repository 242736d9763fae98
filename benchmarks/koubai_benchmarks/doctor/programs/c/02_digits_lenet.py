# truth: faulty
# task: classify 8x8 digits with a small LeNet trained by SGD
# wrong: forward ends in a softmax and the criterion (CrossEntropyLoss) applies log-softmax again
# accept: output_loss_mismatch
# after: https://discuss.pytorch.org/t/cross-entropy-loss-is-not-decreasing/43814
# metric: higher
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc1 = nn.Linear(24 * 2 * 2, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        x = self.fc2(x)
        if FIXED:
            return x
        return F.softmax(x, dim=1)


X, y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) / 16.0
X = (X - 0.5) / 0.5
y = torch.tensor(y)
tr, te = train_test_split(range(len(y)), test_size=0.25, random_state=seed, stratify=y)
Xtr, ytr, Xte, yte = X[tr], y[tr], X[te], y[te]

net = Net()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)

for epoch in range(12):
    perm = torch.randperm(len(ytr))
    total = 0.0
    for i in range(0, len(perm), 32):
        idx = perm[i:i + 32]
        optimizer.zero_grad()
        output = net(Xtr[idx])
        loss = criterion(output, ytr[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    print("epoch %d loss = %.6f" % (epoch, total / len(ytr)))

with torch.no_grad():
    acc = (net(Xte).argmax(1) == yte).float().mean().item()
print("accuracy on held out digits %.4f" % acc)
