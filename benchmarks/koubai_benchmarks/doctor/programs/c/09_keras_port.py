# truth: faulty
# task: small batch-normalized CNN on digits, ported from another framework
# wrong: BatchNorm momentum was copied over as 0.001, so the running statistics have hardly moved from (0, 1) when training ends and eval() gives other outputs than training
# accept: batch_norm_misuse, evaluation_scale
# after: https://discuss.pytorch.org/t/what-does-model-eval-do-for-batchnorm-layer/7146
# metric: higher
import argparse
import sys

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

FIXED = "--fixed" in sys.argv
BN_MOMENTUM = 0.1 if FIXED else 0.001


def conv_bn(c_in, c_out, stride=1):
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(c_out, momentum=BN_MOMENTUM, eps=1e-3),
        nn.ELU(),
    )


class PortedNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(1, 8)
        self.stage1 = nn.Sequential(conv_bn(8, 16, 2), conv_bn(16, 16))
        self.stage2 = nn.Sequential(conv_bn(16, 32, 2), conv_bn(32, 32))
        self.classifier = nn.Linear(32, 10)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.xavier_uniform_(m.weight)

    def forward(self, x):
        x = self.stage2(self.stage1(self.stem(x)))
        return self.classifier(x.mean(dim=(2, 3)))


def accuracy(model, loader):
    model.eval()
    good = n = 0
    with torch.no_grad():
        for xb, yb in loader:
            good += (model(xb).argmax(1) == yb).sum().item()
            n += len(yb)
    return good / n


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    d = load_digits()
    images = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16.0
    data = TensorDataset(images, torch.tensor(d.target))
    train_set, test_set = random_split(data, [1300, len(data) - 1300])
    train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=100)

    model = PortedNet()
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, 9):
        model.train()
        loss_sum = hit = 0
        for xb, yb in train_loader:
            out = model(xb)
            loss = loss_fn(out, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(yb)
            hit += (out.argmax(1) == yb).sum().item()
        print(f"Epoch {epoch}/8 - loss: {loss_sum / 1300:.4f} - acc: {hit / 1300:.4f}")
    print(f"test acc: {accuracy(model, test_loader):.4f}")
