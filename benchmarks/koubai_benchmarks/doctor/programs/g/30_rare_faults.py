# truth: healthy
# task: GRU that finds rare machine faults (4 %) in a vibration series, weighted loss, judged by balanced accuracy
# after: https://datascience.stackexchange.com/questions/116532/unstable-loss-in-binary-classification-for-time-series-data-extremely-imbalanc
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import balanced_accuracy_score


def machine(n, rng, length=40):
    t = np.arange(length)
    x = np.sin(2 * np.pi * t / 10 + rng.uniform(0, 6.3, (n, 1))) + 0.4 * rng.normal(size=(n, length))
    y = (rng.random(n) < 0.04).astype(np.float32)
    for i in np.flatnonzero(y):
        at = rng.integers(5, length - 12)
        x[i, at:at + 10] += 1.1 * np.exp(-np.arange(10) / 5) * (-1) ** np.arange(10)
        x[i, at] += 1.0
    return torch.tensor(x[..., None], dtype=torch.float32), torch.tensor(y)


class Detector(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.front = nn.Conv1d(1, 12, 5, padding=2)
        self.gru = nn.GRU(12, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        h = torch.relu(self.front(x.transpose(1, 2))).transpose(1, 2)
        h, _ = self.gru(h)
        return self.out(h.amax(1)).squeeze(-1)


def scores(model, x):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(part) for part in x.split(500)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x_train, y_train = machine(4000, rng)
    x_valid, y_valid = machine(1000, rng)
    x_test, y_test = machine(3000, rng)
    model = Detector()
    weight = (y_train == 0).sum() / (y_train == 1).sum()
    criterion = nn.BCEWithLogitsLoss(pos_weight=weight)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", factor=0.5, patience=1)
    best, state = 0.0, None
    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for idx in torch.randperm(len(x_train)).split(100):
            loss = criterion(model(x_train[idx]), y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            running += loss.item()
        valid = balanced_accuracy_score(y_valid, scores(model, x_valid) > 0)
        plateau.step(valid)
        if valid > best:
            best, state = valid, {k: v.clone() for k, v in model.state_dict().items()}
        print(f"epoch {epoch} loss {running / 40:.4f} balanced accuracy {valid:.4f}")
    model.load_state_dict(state)
    print(f"balanced accuracy on the test set {balanced_accuracy_score(y_test, scores(model, x_test) > 0):.4f}")


if __name__ == "__main__":
    main()
