# truth: healthy
# task: classify wine cultivars blended into noisy copies with a 12-layer self-normalizing net and warm-up
# after: https://arxiv.org/abs/1706.02515
# metric: higher
import argparse
import math

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn

torch.set_num_threads(1)


class SNN(nn.Module):
    def __init__(self, n_in, width, depth, n_out):
        super().__init__()
        dims = [n_in] + [width] * depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(dims[:-1], dims[1:]))
        self.out = nn.Linear(width, n_out)
        self.drop = nn.AlphaDropout(0.02)
        for layer in [*self.hidden, self.out]:
            nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.in_features))
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.hidden:
            x = self.drop(torch.selu(layer(x)))
        return self.out(x)


def warmup_cosine(step, warm, total):
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))


def main(seed):
    torch.manual_seed(seed)
    rng = np.random.RandomState(seed)
    wine = load_wine()
    a, b, ya, yb = train_test_split(wine.data, wine.target, test_size=0.4, stratify=wine.target, random_state=seed)
    mu, sd = a.mean(0), a.std(0)
    a, b = (a - mu) / sd, (b - mu) / sd
    pick = rng.randint(0, len(a), 2000)
    x_train = torch.tensor(a[pick] + rng.normal(0, 0.3, (2000, a.shape[1])), dtype=torch.float32)
    y_train = torch.tensor(ya[pick])
    x_test, y_test = torch.tensor(b, dtype=torch.float32), torch.tensor(yb)

    net = SNN(13, 48, 12, 3)
    epochs, batch, warm = 8, 50, 60
    total = epochs * len(x_train) // batch
    opt = torch.optim.Adam(net.parameters(), lr=3e-4)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: warmup_cosine(s, warm, total))
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        net.train()
        for idx in torch.randperm(len(x_train)).split(batch):
            opt.zero_grad()
            loss = loss_fn(net(x_train[idx]), y_train[idx])
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            opt.step()
            sched.step()
        print("epoch %2d loss %.4f lr %.2e" % (epoch + 1, loss.item(), sched.get_last_lr()[0]))

    net.eval()
    with torch.no_grad():
        acc = (net(x_test).argmax(1) == y_test).float().mean().item()
    print("accuracy on unseen wines %.4f" % acc)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
