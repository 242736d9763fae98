# truth: faulty
# task: classify 8x8 digits read row by row by an LSTM
# wrong: the LSTM is built without batch_first, so it runs over the batch as if the batch were time and only sees the last row of a digit
# accept: answers_depend_on_batch
# after: https://github.com/yunjey/pytorch-tutorial/issues/196
# metric: higher
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
args = parser.parse_args()
torch.manual_seed(args.seed)
np.random.seed(args.seed)

# Hyper-parameters
sequence_length = 8
input_size = 8
hidden_size = 48
num_layers = 1
num_classes = 10
batch_size = 50
num_epochs = 9
learning_rate = 0.003

images, labels = load_digits(return_X_y=True)
images = (images / 16.0).astype("float32")
x_tr, x_te, y_tr, y_te = train_test_split(images, labels, test_size=0.25, random_state=args.seed, stratify=labels)
train_loader = DataLoader(TensorDataset(torch.from_numpy(x_tr), torch.from_numpy(y_tr)),
                          batch_size=batch_size, shuffle=True)
test_loader = DataLoader(TensorDataset(torch.from_numpy(x_te), torch.from_numpy(y_te)),
                         batch_size=batch_size, shuffle=False)


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers, num_classes):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=args.fixed)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        # x: one image is a sequence of 8 rows
        out, _ = self.lstm(x)
        return self.fc(out[:, -1, :])


model = RNN(input_size, hidden_size, num_layers, num_classes)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)

total_step = len(train_loader)
for epoch in range(num_epochs):
    model.train()
    for i, (img, lab) in enumerate(train_loader):
        img = img.reshape(-1, sequence_length, input_size)
        outputs = model(img)
        loss = criterion(outputs, lab)

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

        if (i + 1) % 20 == 0 and epoch % 3 == 0:
            print("Epoch [{}/{}], Step [{}/{}], Loss: {:.4f}".format(
                epoch + 1, num_epochs, i + 1, total_step, loss.item()))

model.eval()
with torch.no_grad():
    correct = 0
    total = 0
    for img, lab in test_loader:
        img = img.reshape(-1, sequence_length, input_size)
        predicted = model(img).argmax(1)
        total += lab.size(0)
        correct += (predicted == lab).sum().item()
print("Test Accuracy of the model: {:.4f}".format(correct / total))
