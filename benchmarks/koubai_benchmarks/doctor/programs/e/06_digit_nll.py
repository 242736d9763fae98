# truth: faulty
# task: classify 8x8 digits with a small CNN
# wrong: NLLLoss is given raw scores, the log_softmax before it is missing, so the loss goes down without end
# accept: loss_without_bound, output_loss_mismatch, not_finite
# after: https://github.com/pytorch/pytorch/pull/12703
# metric: higher
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn import datasets
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = 0
FIXED = False
for i, a in enumerate(sys.argv):
    if a == "--seed":
        SEED = int(sys.argv[i + 1])
    if a == "--fixed":
        FIXED = True
torch.manual_seed(SEED)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3)
        self.fc1 = nn.Linear(32 * 3 * 3, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = self.fc2(x)
        if FIXED:
            x = F.log_softmax(x, dim=1)
        return x


def train(model, x, y, optimizer, epoch, batch=64):
    model.train()
    perm = torch.randperm(x.size(0))
    for k in range(0, x.size(0), batch):
        idx = perm[k:k + batch]
        optimizer.zero_grad()
        output = model(x[idx])
        loss = F.nll_loss(output, y[idx])
        loss.backward()
        optimizer.step()
        if k % (batch * 10) == 0:
            print("Train Epoch: {} [{}/{}]\tLoss: {:.6f}".format(epoch, k, x.size(0), loss.item()))


def test(model, x, y):
    model.eval()
    with torch.no_grad():
        output = model(x)
        pred = output.argmax(dim=1)
    return pred.eq(y).float().mean().item()


def main():
    d = datasets.load_digits()
    xs = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1)
    xs = (xs - 4.88) / 6.02
    ys = torch.tensor(d.target)
    a, b = train_test_split(list(range(len(ys))), test_size=0.3, random_state=SEED)
    x_train, y_train, x_test, y_test = xs[a], ys[a], xs[b], ys[b]

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    for epoch in range(1, 16):
        train(model, x_train, y_train, optimizer, epoch)
    print("Test set accuracy: {:.4f}".format(test(model, x_test, y_test)))


if __name__ == "__main__":
    main()
