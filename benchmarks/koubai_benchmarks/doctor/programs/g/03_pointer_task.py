# truth: faulty
# task: transformer encoder that reads the token at the place that the first token points to
# wrong: the encoder expects (time, batch, features) but gets (batch, time, features), so it attends over the samples of the batch
# accept: answers_depend_on_batch
# after: https://runebook.dev/zh/docs/pytorch/generated/torch.nn.transformerencoderlayer/torch.nn.TransformerEncoderLayer.forward
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn

ap = argparse.ArgumentParser()
ap.add_argument('--seed', type=int, default=0)
ap.add_argument('--fixed', action='store_true')
ap.add_argument('--steps', type=int, default=600)
ap.add_argument('--batch', type=int, default=64)
opt = ap.parse_args()
torch.set_num_threads(1)
torch.manual_seed(opt.seed)
np.random.seed(opt.seed)

PLACES = 8
N_CLASS = 5


def sample(n):
    x = np.random.randint(0, N_CLASS, size=(n, PLACES))
    where = np.random.randint(0, PLACES, size=n)
    y = x[np.arange(n), where]
    x = np.concatenate([N_CLASS + where[:, None], x], axis=1)
    return torch.as_tensor(x), torch.as_tensor(y)


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=64):
        super().__init__()
        pos = torch.arange(max_len).unsqueeze(1)
        div = torch.exp(torch.arange(0, d_model, 2) * (-np.log(10000.0) / d_model))
        pe = torch.zeros(max_len, d_model)
        pe[:, 0::2] = torch.sin(pos * div)
        pe[:, 1::2] = torch.cos(pos * div)
        self.register_buffer('pe', pe)

    def forward(self, x):
        return x + self.pe[:x.size(1)]


class Net(nn.Module):
    def __init__(self, d_model=40, nhead=4, nlayers=2):
        super().__init__()
        self.embed = nn.Embedding(N_CLASS + PLACES, d_model)
        self.pos = PositionalEncoding(d_model)
        layer = nn.TransformerEncoderLayer(d_model, nhead, dim_feedforward=80, dropout=0.0, batch_first=opt.fixed)
        self.encoder = nn.TransformerEncoder(layer, nlayers)
        self.fc = nn.Linear(d_model, N_CLASS)

    def forward(self, x):
        h = self.pos(self.embed(x))
        h = self.encoder(h)
        return self.fc(h[:, 0])


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
loss_fn = nn.CrossEntropyLoss()
for step in range(1, opt.steps + 1):
    x, y = sample(opt.batch)
    loss = loss_fn(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    if step % 100 == 0:
        print('step %d  loss %.4f' % (step, loss.item()))

net.eval()
hits = 0
with torch.no_grad():
    for _ in range(10):
        x, y = sample(opt.batch)
        hits += (net(x).argmax(-1) == y).sum().item()
print('accuracy on fresh sequences: %.4f' % (hits / (10 * opt.batch)))
