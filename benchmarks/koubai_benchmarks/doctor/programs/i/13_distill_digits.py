# truth: faulty
# task: distil a convolutional teacher for digits into a tiny student network
# wrong: the student's StepLR, meant to count epochs, is stepped after every batch, so its rate is gone within the first epoch
# accept: schedule_too_fast
# after: https://github.com/ivadomed/ivadomed/pull/55
# metric: higher
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.optim.lr_scheduler import StepLR

torch.set_num_threads(1)
cfg = argparse.ArgumentParser()
cfg.add_argument('--seed', type=int, default=0)
cfg.add_argument('--fixed', action='store_true')
cfg.add_argument('--temperature', type=float, default=4.0)
cfg.add_argument('--alpha', type=float, default=0.7)
cfg.add_argument('--student-epochs', type=int, default=24)
cfg = cfg.parse_args()
torch.manual_seed(cfg.seed)

digits = load_digits()
X = torch.tensor(digits.data / 16, dtype=torch.float32)
Y = torch.tensor(digits.target)
X_tr, X_te, Y_tr, Y_te = train_test_split(X, Y, test_size=0.3, random_state=cfg.seed)


def batches(size):
    order = torch.randperm(len(X_tr))
    for i in range(0, len(order), size):
        yield X_tr[order[i:i + size]], Y_tr[order[i:i + size]]


@torch.no_grad()
def acc(net):
    net.eval()
    return (net(X_te).argmax(1) == Y_te).float().mean().item()


# ------------------------------------------------------------------ teacher
teacher = nn.Sequential(
    nn.Unflatten(1, (1, 8, 8)),
    nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(), nn.Flatten(),
    nn.Dropout(0.3), nn.Linear(48 * 16, 10))
opt = torch.optim.Adam(teacher.parameters(), lr=2e-3)
for epoch in range(8):
    teacher.train()
    for xb, yb in batches(64):
        loss = F.cross_entropy(teacher(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
print('teacher accuracy %.4f' % acc(teacher))

# ------------------------------------------------------------------ student
student = nn.Sequential(nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10))
opt = torch.optim.Adam(student.parameters(), lr=5e-3)
scheduler = StepLR(opt, step_size=6, gamma=0.4)
T = cfg.temperature
for epoch in range(cfg.student_epochs):
    student.train()
    tot = 0.0
    for xb, yb in batches(64):
        with torch.no_grad():
            soft = F.softmax(teacher(xb) / T, dim=1)
        out = student(xb)
        kd = F.kl_div(F.log_softmax(out / T, dim=1), soft, reduction='batchmean') * T * T
        loss = cfg.alpha * kd + (1 - cfg.alpha) * F.cross_entropy(out, yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if not cfg.fixed:
            scheduler.step()
        tot += loss.item() * len(yb)
    if cfg.fixed:
        scheduler.step()
    if epoch % 4 == 3:
        print('student epoch %2d  loss %.4f  acc %.4f' % (epoch + 1, tot / len(Y_tr), acc(student)))
print('student accuracy %.4f' % acc(student))
