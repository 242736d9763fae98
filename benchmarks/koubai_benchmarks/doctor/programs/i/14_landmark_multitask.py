# truth: faulty
# task: from a small scan patch: which organ it shows (six kinds) and the offset in millimetres to a landmark
# wrong: the offsets stay in millimetres, so the squared error is hundreds while the cross-entropy is below two: the organ is not learnt
# accept: term_outweighed, targets_not_scaled
# after: https://github.com/yuanwei1989/landmark-detection/issues/2
# metric: higher
import argparse
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


@dataclass
class Config:
    seed: int = 0
    fixed: bool = False
    n_train: int = 2500
    n_test: int = 800
    epochs: int = 8
    batch: int = 50
    lr: float = 1e-3
    size: int = 14


def patches(n, rng, textures, size):
    """a blob marks the direction of the landmark, the texture tells the organ"""
    organ = rng.integers(0, len(textures), n)
    off = rng.uniform(-60, 60, (n, 2))
    yy, xx = np.mgrid[:size, :size]
    img = np.zeros((n, size, size))
    for i in range(n):
        cy, cx = (off[i] / 60 * 0.4 + 0.5) * (size - 1)
        img[i] = 3.0 * np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 6)
        fy, fx = textures[organ[i]]
        img[i] += 0.8 * np.cos(fy * yy + fx * xx + rng.uniform(0, 6.28))
    img += rng.normal(0, 0.5, img.shape)
    to = lambda a, d=torch.float32: torch.tensor(a, dtype=d)
    return to(img[:, None]), to(organ, torch.long), to(off)


class LandmarkNet(nn.Module):
    def __init__(self, size, n_organs):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.shared = nn.Linear(24 * (size // 2 // 2) ** 2, 48)
        self.cls = nn.Linear(48, n_organs)
        self.reg = nn.Linear(48, 2)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        h = F.relu(self.shared(x.flatten(1)))
        return self.cls(h), self.reg(h)


class Trainer:
    def __init__(self, cfg):
        self.cfg = cfg
        torch.manual_seed(cfg.seed)
        rng = np.random.default_rng(cfg.seed)
        ang = np.arange(6) * np.pi / 6
        textures = np.stack([1.7 * np.sin(ang), 1.7 * np.cos(ang)], 1)
        self.train_data = patches(cfg.n_train, rng, textures, cfg.size)
        self.test_data = patches(cfg.n_test, rng, textures, cfg.size)
        self.unit = 60.0 if cfg.fixed else 1.0
        self.net = LandmarkNet(cfg.size, 6)
        self.opt = torch.optim.Adam(self.net.parameters(), lr=cfg.lr)

    def epoch(self):
        x, organ, off = self.train_data
        sums = np.zeros(2)
        for b in torch.randperm(len(x)).split(self.cfg.batch):
            logits, pred = self.net(x[b])
            loss_cls = F.cross_entropy(logits, organ[b])
            loss_reg = F.mse_loss(pred, off[b] / self.unit)
            loss = loss_cls + loss_reg
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            sums += [loss_cls.item() * len(b), loss_reg.item() * len(b)]
        return sums / len(x)

    @torch.no_grad()
    def score(self):
        x, organ, off = self.test_data
        logits, pred = self.net(x)
        mm = (pred * self.unit - off).norm(dim=1).mean().item()
        return mm, (logits.argmax(1) == organ).float().mean().item()


if __name__ == '__main__':
    p = argparse.ArgumentParser()
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--fixed', action='store_true')
    a = p.parse_args()
    trainer = Trainer(Config(seed=a.seed, fixed=a.fixed))
    for e in range(trainer.cfg.epochs):
        c, r = trainer.epoch()
        print(f'epoch {e}: cls loss {c:.3f}  reg loss {r:.3f}')
    mm, acc = trainer.score()
    print(f'mean landmark error {mm:.2f} mm')
    print(f'organ accuracy {acc:.4f}')
