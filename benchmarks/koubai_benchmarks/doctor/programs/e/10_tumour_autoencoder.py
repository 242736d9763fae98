# truth: faulty
# task: compress the 30 columns of the breast cancer table to 8 numbers and back
# wrong: the decoder ends in a sigmoid while the standardized columns go far below 0 and above 1
# accept: output_range
# after: https://github.com/yzhao062/pyod/issues/314
# metric: lower
import argparse

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn, optim

torch.set_num_threads(1)


class AutoEncoder(nn.Module):
    def __init__(self, n_features, hidden=(24, 8), output_activation="sigmoid"):
        super().__init__()
        sizes = [n_features, *hidden]
        enc, dec = [], []
        for a, b in zip(sizes[:-1], sizes[1:]):
            enc += [nn.Linear(a, b), nn.ELU()]
        for a, b in zip(sizes[::-1][:-1], sizes[::-1][1:]):
            dec += [nn.Linear(a, b), nn.ELU()]
        dec = dec[:-1]
        if output_activation == "sigmoid":
            dec.append(nn.Sigmoid())
        self.encoder = nn.Sequential(*enc)
        self.decoder = nn.Sequential(*dec)

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Detector:
    """fit / reconstruct, in the manner of scikit-learn"""

    def __init__(self, activation, epochs=40, batch_size=32, lr=2e-3):
        self.activation, self.epochs, self.batch_size, self.lr = activation, epochs, batch_size, lr
        self.scaler = StandardScaler()

    def fit(self, X):
        Z = torch.tensor(self.scaler.fit_transform(X), dtype=torch.float32)
        self.model = AutoEncoder(Z.shape[1], output_activation=self.activation)
        opt = optim.Adam(self.model.parameters(), lr=self.lr)
        mse = nn.MSELoss()
        for epoch in range(self.epochs):
            epoch_loss = []
            for idx in torch.randperm(len(Z)).split(self.batch_size):
                opt.zero_grad()
                loss = mse(self.model(Z[idx]), Z[idx])
                loss.backward()
                opt.step()
                epoch_loss.append(loss.item())
            if epoch % 10 == 0:
                print("epoch %3d/%d training loss %.5f" % (epoch, self.epochs, np.mean(epoch_loss)))
        return self

    def score(self, X):
        Z = torch.tensor(self.scaler.transform(X), dtype=torch.float32)
        self.model.eval()
        with torch.no_grad():
            return ((self.model(Z) - Z) ** 2).mean(1).numpy()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    X = load_breast_cancer().data
    X_train, X_test = train_test_split(X, test_size=0.3, random_state=args.seed)
    det = Detector("identity" if args.fixed else "sigmoid").fit(X_train)
    print("held-out reconstruction error: %.4f" % det.score(X_test).mean())
