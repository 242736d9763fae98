# truth: faulty
# task: tabular churn prediction, 16 percent positives, balanced accuracy
# wrong: the network ends in a sigmoid and the loss is BCEWithLogitsLoss, so the sigmoid is applied twice and no probability below 0.5 can be learned
# accept: output_loss_mismatch, class_imbalance, output_range
# after: https://discuss.pytorch.org/t/predictions-stuck-at-zero-when-positive-label-1-is-only-16-of-data/145203 (m = nn.Sigmoid() before BCEWithLogitsLoss)
# metric: higher
import sys
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(SEED)
torch.set_num_threads(1)

X, y = make_classification(n_samples=6000, n_features=20, n_informative=8, n_redundant=4, n_clusters_per_class=2,
                           weights=[0.84], class_sep=1.2, flip_y=0.02, random_state=SEED + 5)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)
scaler = StandardScaler().fit(X_train)
X_train = torch.FloatTensor(scaler.transform(X_train))
X_test = torch.FloatTensor(scaler.transform(X_test))
y_train_t = torch.FloatTensor(y_train)


class ChurnModel(nn.Module):
    def __init__(self):
        super(ChurnModel, self).__init__()
        self.layer_1 = nn.Linear(20, 48)
        self.layer_2 = nn.Linear(48, 48)
        self.layer_out = nn.Linear(48, 1)
        self.relu = nn.ReLU()
        self.sigmoid = nn.Sigmoid()

    def forward(self, inputs):
        x = self.relu(self.layer_1(inputs))
        x = self.relu(self.layer_2(x))
        x = self.layer_out(x).squeeze(1)
        return x if FIXED else self.sigmoid(x)


model = ChurnModel()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

for e in range(1, 16):
    model.train()
    epoch_loss = 0.0
    perm = torch.randperm(len(X_train))
    for i in range(0, len(perm), 64):
        idx = perm[i:i + 64]
        optimizer.zero_grad()
        loss = criterion(model(X_train[idx]), y_train_t[idx])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(idx)
    if e % 5 == 0:
        print(f"Epoch {e:03}: | Loss: {epoch_loss / len(perm):.5f}")

model.eval()
with torch.no_grad():
    pred = (torch.sigmoid(model(X_test)) > 0.5).numpy().astype(int)
print(f"Balanced accuracy: {balanced_accuracy_score(y_test, pred):.4f}")
