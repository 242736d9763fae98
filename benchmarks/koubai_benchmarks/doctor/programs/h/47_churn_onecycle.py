# truth: faulty
# task: customer churn style tabular classification with an MLP and the one-cycle policy
# wrong: OneCycleLR is built for epochs*batches steps but stepped once per epoch, so the rate stays at its warm-up floor
# accept: learning_rate_too_low
# after: https://github.com/ageron/handson-mlp/issues/28
# metric: higher
import argparse
import time
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class CFG:
    epochs = 12
    batch_size = 64
    max_lr = 2e-3
    div_factor = 100
    weight_decay = 1e-4
    hidden = (96, 48)
    p_drop = 0.1


def seed_everything(seed):
    np.random.seed(seed)
    torch.manual_seed(seed)


def get_data(seed):
    X, y = make_classification(n_samples=5000, n_features=24, n_informative=10, n_redundant=4,
                               n_clusters_per_class=6, class_sep=1.0, flip_y=0.02, random_state=seed)
    Xtr, Xva, ytr, yva = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    sc = StandardScaler().fit(Xtr)
    to = lambda a, b: TensorDataset(torch.tensor(sc.transform(a), dtype=torch.float32),
                                    torch.tensor(b, dtype=torch.float32))
    return to(Xtr, ytr), to(Xva, yva)


class ChurnNet(nn.Module):
    def __init__(self, d):
        super().__init__()
        layers, prev = [], d
        for h in CFG.hidden:
            layers += [nn.Linear(prev, h), nn.ReLU(), nn.Dropout(CFG.p_drop)]
            prev = h
        layers.append(nn.Linear(prev, 1))
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x).squeeze(1)


def train_fn(model, loader, optimizer, scheduler, criterion, step_per_batch):
    model.train()
    losses = []
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        if step_per_batch:
            scheduler.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def valid_fn(model, loader):
    model.eval()
    preds, labels = [], []
    with torch.no_grad():
        for x, y in loader:
            preds.append(torch.sigmoid(model(x)).numpy())
            labels.append(y.numpy())
    preds, labels = np.concatenate(preds), np.concatenate(labels)
    return roc_auc_score(labels, preds), ((preds > 0.5) == labels).mean()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    seed_everything(args.seed)

    train_ds, valid_ds = get_data(args.seed)
    train_dl = DataLoader(train_ds, batch_size=CFG.batch_size, shuffle=True, drop_last=True)
    valid_dl = DataLoader(valid_ds, batch_size=512)
    model = ChurnNet(24)
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=CFG.max_lr, weight_decay=CFG.weight_decay)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=CFG.max_lr, epochs=CFG.epochs, steps_per_epoch=len(train_dl),
        div_factor=CFG.div_factor)

    for epoch in range(CFG.epochs):
        t0 = time.time()
        loss = train_fn(model, train_dl, optimizer, scheduler, criterion, args.fixed)
        if not args.fixed:
            scheduler.step()
        auc, acc = valid_fn(model, valid_dl)
        print(f"Epoch {epoch + 1} - avg_train_loss: {loss:.4f}  auc: {auc:.4f}  acc: {acc:.4f}  "
              f"time: {time.time() - t0:.1f}s")
    print(f"CV score (accuracy): {acc:.4f}")
