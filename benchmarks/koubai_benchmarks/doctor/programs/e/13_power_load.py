# truth: faulty
# task: forecast tomorrow's power load from the last fourteen days of temperature and load
# wrong: the winter test months are standardized by a scaler fitted on themselves, not by the one of the training years
# accept: evaluation_scale
# after: https://github.com/AnswerXuan/Galformer-Improved-Transformer-for-Time-Series-Prediction/issues/3
# metric: lower
import argparse

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)
WINDOW = 14


def daily_series(rng, years=4):
    day = np.arange(int(years * 365))
    temp = 11 - 10 * np.cos(2 * np.pi * (day - 15) / 365)
    ar = np.zeros(len(day))
    for i in range(1, len(day)):
        ar[i] = 0.8 * ar[i - 1] + rng.normal(0, 1.8)
    temp = temp + ar
    weekend = np.isin(day % 7, (5, 6)).astype(float)
    load = 300 + 9 * np.maximum(16 - temp, 0) + 7 * np.maximum(temp - 21, 0) - 35 * weekend
    load = load + rng.normal(0, 6, len(day))
    return np.stack([temp, load, weekend], 1)


def windows(z, target):
    x = np.stack([z[i:i + WINDOW] for i in range(len(z) - WINDOW)])
    y = target[WINDOW:]
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


class Forecaster(nn.Module):
    def __init__(self, n_in=3, hidden=32):
        super().__init__()
        self.gru = nn.GRU(n_in, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        _, h = self.gru(x)
        return self.out(h[-1]).squeeze(-1)


def main(seed, fixed):
    torch.manual_seed(seed)
    rng = np.random.RandomState(seed)
    table = daily_series(rng)
    train, test = table[:-75], table[-75 - WINDOW:]

    scaler = StandardScaler()
    train_z = scaler.fit_transform(train)
    if fixed:
        test_z = scaler.transform(test)
    else:
        test_z = StandardScaler().fit_transform(test)
    m, s = train[:, 1].mean(), train[:, 1].std()
    xtr, ytr = windows(train_z, (train[:, 1] - m) / s)
    xte, yte = windows(test_z, test[:, 1])

    model = Forecaster()
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=12)
    loss_fn = nn.SmoothL1Loss()
    for epoch in range(12):
        model.train()
        losses = []
        for idx in torch.randperm(len(xtr)).split(64):
            loss = loss_fn(model(xtr[idx]), ytr[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        sched.step()
        if epoch % 3 == 2:
            print("epoch", epoch + 1, "huber %.4f" % np.mean(losses), "lr %.5f" % sched.get_last_lr()[0])

    model.eval()
    with torch.no_grad():
        pred = model(xte) * s + m
    mae = (pred - yte).abs().mean().item()
    print("days tested:", len(yte), " mean load %.1f" % yte.mean().item())
    print("MAE on the last winter: %.3f" % mae)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    a = parser.parse_args()
    main(a.seed, a.fixed)
