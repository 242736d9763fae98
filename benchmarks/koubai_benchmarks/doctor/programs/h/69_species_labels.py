# truth: faulty
# task: name the bird species from twelve features of its song (labels are strings)
# wrong: the test labels are encoded by a LabelEncoder fitted anew on the test set, where two species do not occur
# accept: none
# after: https://stackoverflow.com/questions/52279902/sklearn-why-labelencoder-fit-only-to-training-data
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import LabelEncoder, StandardScaler
from torch.utils.data import DataLoader, TensorDataset

SPECIES = ["blackbird", "blackcap", "chaffinch", "dunnock", "goldcrest", "greenfinch", "nuthatch",
           "robin", "song thrush", "wren"]
WINTER_VISITORS = {"blackcap", "goldcrest"}          # not there when the second survey was made


def survey(n, rng, prototypes, absent=()):
    there = [s for s in SPECIES if s not in absent]
    names = rng.choice(there, n)
    X = np.empty((n, 12))
    for i, s in enumerate(names):
        center, direction = prototypes[s]
        X[i] = center + rng.normal() * direction + rng.normal(0, 0.5, 12)
    return X, names


class SongNet(nn.Module):
    def __init__(self, n_in, n_classes, hidden=64, dropout=0.2):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(n_in, hidden), nn.LayerNorm(hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, hidden), nn.LayerNorm(hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, n_classes))

    def forward(self, x):
        return self.net(x)


def loader(X, y, batch, shuffle):
    ds = TensorDataset(torch.tensor(X, dtype=torch.float32), torch.tensor(y))
    return DataLoader(ds, batch_size=batch, shuffle=shuffle)


def evaluate(model, dl):
    model.eval()
    good = total = 0
    with torch.no_grad():
        for x, y in dl:
            good += (model(x).argmax(1) == y).sum().item()
            total += len(y)
    return good / total


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=25)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    prototypes = {s: (rng.normal(0, 1.0, 12), rng.normal(0, 0.8, 12)) for s in SPECIES}

    X, names = survey(1500, rng, prototypes)
    X_test, names_test = survey(600, rng, prototypes, absent=WINTER_VISITORS)
    encoder = LabelEncoder()
    y = encoder.fit_transform(names)
    n_classes = len(encoder.classes_)
    y_test = encoder.transform(names_test) if args.fixed else encoder.fit_transform(names_test)
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)

    train = loader(X, y, 32, True)
    test = loader(X_test, y_test, 300, False)
    model = SongNet(12, n_classes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(1, args.epochs + 1):
        model.train()
        losses, hits = [], 0
        for xb, yb in train:
            logits = model(xb)
            loss = criterion(logits, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            hits += (logits.argmax(1) == yb).sum().item()
        if epoch % 5 == 0:
            print(f"epoch {epoch:2d}  loss {np.mean(losses):.4f}  train acc {hits / len(y):.3f}")
    print(f"accuracy on the second survey: {evaluate(model, test):.4f}")


if __name__ == "__main__":
    main()
