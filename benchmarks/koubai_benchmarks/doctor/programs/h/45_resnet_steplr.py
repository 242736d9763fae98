# truth: faulty
# task: small residual network on digit images, SGD with a step schedule
# wrong: StepLR, meant per epoch, is stepped after every batch: the rate is cut tenfold every eight batches
# accept: schedule_too_fast
# after: https://github.com/ivadomed/ivadomed/pull/55
# metric: higher
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import StepLR
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class Block(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.c1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.b1 = nn.BatchNorm2d(cout)
        self.c2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.b2 = nn.BatchNorm2d(cout)
        self.short = nn.Identity()
        if stride != 1 or cin != cout:
            self.short = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        h = F.relu(self.b1(self.c1(x)))
        h = self.b2(self.c2(h))
        return F.relu(h + self.short(x))


class TinyResNet(nn.Module):
    def __init__(self, classes=10, w=8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, w, 3, 1, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU())
        self.body = nn.Sequential(Block(w, w), Block(w, 2 * w, 2), Block(2 * w, 4 * w, 2))
        self.fc = nn.Linear(4 * w, classes)

    def forward(self, x):
        h = self.body(self.stem(x))
        return self.fc(h.mean((2, 3)))


class Trainer:
    def __init__(self, cfg):
        self.cfg = cfg
        torch.manual_seed(cfg.seed)
        d = load_digits()
        x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
        x = (x - x.mean()) / x.std()
        a, b, c, e = train_test_split(x.numpy(), d.target, test_size=0.3, random_state=cfg.seed)
        self.xt, self.xv = torch.from_numpy(a), torch.from_numpy(b)
        self.yt, self.yv = torch.from_numpy(c), torch.from_numpy(e)
        self.model = TinyResNet()
        self.opt = torch.optim.SGD(self.model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
        self.sched = StepLR(self.opt, step_size=8, gamma=0.1)

    def train_epoch(self):
        self.model.train()
        perm = torch.randperm(len(self.xt))
        total = 0.0
        for i in range(0, len(perm), self.cfg.bs):
            j = perm[i:i + self.cfg.bs]
            loss = F.cross_entropy(self.model(self.xt[j]), self.yt[j])
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            if not self.cfg.fixed:
                self.sched.step()
            total += loss.item() * len(j)
        if self.cfg.fixed:
            self.sched.step()
        return total / len(perm)

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        return (self.model(self.xv).argmax(1) == self.yv).float().mean().item()

    def fit(self):
        for epoch in range(self.cfg.epochs):
            loss = self.train_epoch()
            acc = self.evaluate()
            print(f"epoch {epoch} loss {loss:.4f} val acc {acc:.4f}")
        return acc


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=12)
    ap.add_argument("--bs", type=int, default=64)
    torch.set_num_threads(1)
    acc = Trainer(ap.parse_args()).fit()
    print(f"final accuracy {acc:.4f}")
