# truth: healthy
# task: anomaly detection on 24 plant sensors: hidden sensors are predicted from the others, trained on normal days only
# after: https://arxiv.org/abs/2111.06377
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import roc_auc_score

torch.set_num_threads(1)
N_SENSORS = 24


def plant(n, rng, mix):
    """four hidden states drive all sensors; the log is in the order of time"""
    state = np.zeros((n, 4))
    for t in range(1, n):
        state[t] = 0.97 * state[t - 1] + 0.25 * rng.normal(size=4)
    x = np.tanh(state @ mix[0]) + 0.5 * state @ mix[1]
    return x * mix[2] + mix[3] + mix[2] * 0.1 * rng.normal(size=x.shape)


def spoil(x, rng, scale):
    """one to three sensors follow another moment of the log"""
    bad = x.copy()
    for i in range(len(bad)):
        k = rng.choice(N_SENSORS, rng.integers(1, 4), replace=False)
        bad[i, k] = x[rng.integers(len(x)), k]
    return bad


class MaskedModel(nn.Module):
    def __init__(self, d=N_SENSORS, width=96):
        super().__init__()
        self.empty = nn.Parameter(torch.zeros(d))
        self.net = nn.Sequential(nn.Linear(2 * d, width), nn.ELU(), nn.Linear(width, width), nn.ELU(), nn.Linear(width, d))

    def forward(self, x, hidden):
        shown = torch.where(hidden, self.empty.expand_as(x), x)
        return self.net(torch.cat([shown, hidden.float()], 1))


def score(model, x, folds=6):
    """every sensor is hidden once; the largest squared errors count"""
    err = torch.zeros_like(x)
    with torch.no_grad():
        for f in range(folds):
            hidden = (torch.arange(N_SENSORS) % folds == f).expand_as(x)
            err += (model(x, hidden) - x) ** 2 * hidden
    return err.topk(2, dim=1).values.sum(1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--steps', type=int, default=2500)
    args = ap.parse_args()
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    mix = (rng.normal(0, 0.8, (4, N_SENSORS)), rng.normal(0, 0.4, (4, N_SENSORS)),
           np.exp(rng.normal(0, 2, N_SENSORS)), rng.normal(0, 50, N_SENSORS))
    log = plant(6000, rng, mix)
    train, normal = log[:4000], log[4500:]
    odd = spoil(normal, rng, mix[2])
    mu, sd = train.mean(0), train.std(0)
    to = lambda a: torch.tensor((a - mu) / sd, dtype=torch.float32)
    x, x_normal, x_odd = to(train), to(normal), to(odd)

    model = MaskedModel()
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.steps, eta_min=1e-5)
    for step in range(1, args.steps + 1):
        xb = x[torch.randint(0, len(x), (96,))]
        hidden = torch.rand_like(xb) < 0.05 + 0.4 * torch.rand(len(xb), 1)
        err = (model(xb, hidden) - xb) ** 2
        loss = (err * hidden).sum() / hidden.sum().clamp(min=1)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if step % 500 == 0:
            print(f'step {step}: error on hidden sensors {loss.item():.4f}')

    model.eval()
    s = torch.cat([score(model, x_normal), score(model, x_odd)]).numpy()
    label = np.r_[np.zeros(len(x_normal)), np.ones(len(x_odd))]
    print('roc auc: %.4f' % roc_auc_score(label, s))


if __name__ == '__main__':
    main()
