# truth: faulty
# task: tabular classification (five customer segments, 20 features) with an MLP, ported line by line from a Keras script
# wrong: Keras' momentum=0.99 was copied into BatchNorm1d, where it means that the running statistics are the last batch
# accept: batch_norm_misuse
# after: https://github.com/kazuto1011/deeplab-pytorch/issues/79
# metric: higher
import sys
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
seed = 0
for i, a in enumerate(sys.argv):
    if a == "--seed":
        seed = int(sys.argv[i + 1])
fixed = "--fixed" in sys.argv
np.random.seed(seed)
torch.manual_seed(seed)

BN_MOMENTUM = 0.01 if fixed else 0.99
BN_EPS = 1e-3
BATCH_SIZE = 10
EPOCHS = 14

features, segment = make_classification(n_samples=2600, n_features=20, n_informative=8, n_redundant=4,
                                        n_classes=5, n_clusters_per_class=2, class_sep=1.6,
                                        flip_y=0.0, random_state=seed)
features = ((features - features.mean(0)) / features.std(0)).astype("float32")
x_train, x_test, y_train, y_test = train_test_split(features, segment, test_size=0.3, random_state=seed)


def Dense(n_in, n_out):
    layer = nn.Linear(n_in, n_out)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def BatchNormalization(n):
    return nn.BatchNorm1d(n, momentum=BN_MOMENTUM, eps=BN_EPS)


class Sequential(nn.Sequential):
    """compile / fit / evaluate, as I am used to them"""

    def compile(self, optimizer, loss):
        self.optimizer, self.loss = optimizer, loss

    def fit(self, x, y, batch_size, epochs, validation_data=None):
        n = len(x)
        for epoch in range(epochs):
            self.train()
            perm = np.random.permutation(n)
            total, hits = 0.0, 0
            for k in range(0, n - batch_size + 1, batch_size):
                idx = perm[k:k + batch_size]
                xb, yb = torch.from_numpy(x[idx]), torch.from_numpy(y[idx])
                out = self(xb)
                loss = self.loss(out, yb)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(idx)
                hits += (out.argmax(1) == yb).sum().item()
            msg = f"Epoch {epoch + 1}/{epochs} - loss: {total / n:.4f} - accuracy: {hits / n:.4f}"
            if validation_data is not None:
                vl, va = self.evaluate(*validation_data)
                msg += f" - val_loss: {vl:.4f} - val_accuracy: {va:.4f}"
            print(msg)

    @torch.no_grad()
    def evaluate(self, x, y):
        self.eval()
        out = self(torch.from_numpy(x))
        yt = torch.from_numpy(y)
        return self.loss(out, yt).item(), (out.argmax(1) == yt).float().mean().item()


model = Sequential(
    Dense(20, 128),
    BatchNormalization(128),
    nn.ReLU(),
    Dense(128, 64),
    BatchNormalization(64),
    nn.ReLU(),
    Dense(64, 32),
    BatchNormalization(32),
    nn.ReLU(),
    Dense(32, 5),
)
model.compile(optimizer=torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7),
              loss=nn.functional.cross_entropy)
model.fit(x_train, y_train, BATCH_SIZE, EPOCHS, validation_data=(x_test, y_test))
loss, acc = model.evaluate(x_test, y_test)
print("Test loss:", round(loss, 4))
print("Test accuracy:", round(acc, 4))
