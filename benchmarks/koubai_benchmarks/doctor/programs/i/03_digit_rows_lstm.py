# truth: faulty
# task: classify sklearn digits read row by row by an LSTM (eight steps of eight pixels)
# wrong: the LSTM is built without batch_first, so the batch is taken for the time axis and the samples are chained
# accept: answers_depend_on_batch
# after: https://github.com/pytorch/pytorch/issues/1538
# metric: higher
import argparse
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
ap = argparse.ArgumentParser()
ap.add_argument('--seed', type=int, default=0)
ap.add_argument('--fixed', action='store_true')
opt = ap.parse_args()
torch.manual_seed(opt.seed)

# hyper parameters
batch_size = 50
learning_rate = 3e-3
num_epochs = 25

digits = load_digits()
x = torch.tensor(digits.images / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
tr, te = train_test_split(range(len(x)), test_size=0.3, random_state=opt.seed, stratify=digits.target)
train_loader = DataLoader(TensorDataset(x[tr], y[tr]), batch_size=batch_size, shuffle=True)
test_loader = DataLoader(TensorDataset(x[te], y[te]), batch_size=batch_size, shuffle=False)


class Rnn(nn.Module):
    def __init__(self, in_dim, hidden_dim, n_layer, n_class):
        super(Rnn, self).__init__()
        self.n_layer = n_layer
        self.hidden_dim = hidden_dim
        self.lstm = nn.LSTM(in_dim, hidden_dim, n_layer, batch_first=opt.fixed)
        self.classifier = nn.Linear(hidden_dim, n_class)

    def forward(self, x):
        # x: batch, rows, pixels of a row
        out, _ = self.lstm(x)
        out = out[:, -1, :]
        return self.classifier(out)


model = Rnn(8, 48, 2, 10)
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=learning_rate)

for epoch in range(num_epochs):
    print('epoch {}'.format(epoch + 1), '*' * 10)
    model.train()
    running_loss = 0.0
    running_acc = 0.0
    for i, (img, label) in enumerate(train_loader, 1):
        out = model(img)
        loss = criterion(out, label)
        running_loss += loss.item() * label.size(0)
        running_acc += (out.argmax(1) == label).sum().item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    n = len(train_loader.dataset)
    print('Finish epoch {}, Loss: {:.6f}, Acc: {:.6f}'.format(epoch + 1, running_loss / n, running_acc / n))

model.eval()
eval_loss = 0.0
eval_acc = 0.0
with torch.no_grad():
    for img, label in test_loader:
        out = model(img)
        eval_loss += criterion(out, label).item() * label.size(0)
        eval_acc += (out.argmax(1) == label).sum().item()
n = len(test_loader.dataset)
print('Test Loss: {:.6f}, Acc: {:.6f}'.format(eval_loss / n, eval_acc / n))
