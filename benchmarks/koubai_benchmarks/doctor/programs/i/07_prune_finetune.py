# truth: faulty
# task: prune the channels of a trained digits CNN to a quarter, then fine-tune the smaller network
# wrong: the speed-up step replaces the layers by smaller ones, but the optimizer still holds the parameters of the old layers
# accept: not_training
# after: https://github.com/microsoft/nni/issues/4521
# metric: higher
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def train_epoch(model, loader, optimizer):
    model.train()
    tot = 0.0
    for data, target in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data), target)
        loss.backward()
        optimizer.step()
        tot += loss.item()
    return tot / len(loader)


@torch.no_grad()
def test(model, loader):
    model.eval()
    hit = sum((model(d).argmax(1) == t).sum().item() for d, t in loader)
    return hit / len(loader.dataset)


def l1_keep(conv, n):
    score = conv.weight.detach().abs().sum((1, 2, 3))
    return score.topk(n).indices.sort().values


def speedup(model, k1, k2):
    """swap every layer for a smaller one that holds the channels which are kept"""
    keep1, keep2 = l1_keep(model.conv1, k1), l1_keep(model.conv2, k2)
    c1, c2, f1 = nn.Conv2d(1, k1, 3, padding=1), nn.Conv2d(k1, k2, 3, padding=1), nn.Linear(4 * k2, 64)
    with torch.no_grad():
        c1.weight.copy_(model.conv1.weight[keep1])
        c1.bias.copy_(model.conv1.bias[keep1])
        c2.weight.copy_(model.conv2.weight[keep2][:, keep1])
        c2.bias.copy_(model.conv2.bias[keep2])
        cols = model.fc1.weight.view(64, 32, 4)[:, keep2].reshape(64, -1)
        f1.weight.copy_(cols)
        f1.bias.copy_(model.fc1.bias)
    model.conv1, model.conv2, model.fc1 = c1, c2, f1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--fixed', action='store_true')
    parser.add_argument('--pretrain-epochs', type=int, default=10)
    parser.add_argument('--finetune-epochs', type=int, default=10)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    d = load_digits()
    full = TensorDataset(torch.tensor(d.images[:, None] / 16.0, dtype=torch.float32), torch.tensor(d.target))
    train_set, test_set = random_split(full, [1297, 500])
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=250)

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for e in range(args.pretrain_epochs):
        print('pretrain', e, 'loss %.4f' % train_epoch(model, train_loader, optimizer))
    print('accuracy before pruning %.4f' % test(model, test_loader))

    speedup(model, 4, 8)
    print('accuracy after pruning %.4f' % test(model, test_loader))
    if args.fixed:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for g in optimizer.param_groups:
        g['lr'] = 0.02
    for e in range(args.finetune_epochs):
        print('finetune', e, 'loss %.4f' % train_epoch(model, train_loader, optimizer))
    print('accuracy of the pruned network %.4f' % test(model, test_loader))


if __name__ == '__main__':
    main()
