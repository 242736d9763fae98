# truth: faulty
# task: GRU encoder-decoder with attention that writes a digit string backwards with a shift
# wrong: attention scores (batch, source) go through softmax over the batch axis instead of the source positions
# accept: answers_depend_on_batch, not_learning
# after: https://github.com/PetrochukM/PyTorch-NLP/issues/2
# metric: higher
import sys
import numpy as np
import torch
from torch import nn, optim

FIXED = "--fixed" in sys.argv
seed = 0
for i, a in enumerate(sys.argv):
    if a == "--seed":
        seed = int(sys.argv[i + 1])

SOS = 10
HID = 40
LEN = 10


def sample(n, rng):
    src = rng.integers(0, 10, (n, LEN))
    tgt = (src[:, ::-1] + 3) % 10
    return torch.tensor(src), torch.tensor(tgt.copy())


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 24)
        self.gru = nn.GRU(24, HID, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * HID, HID)

    def forward(self, src):
        out, h = self.gru(self.embedding(src))
        return out, torch.tanh(self.bridge(torch.cat([h[0], h[1]], dim=1)))


class BahdanauAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.W = nn.Linear(2 * HID, HID, bias=False)
        self.U = nn.Linear(HID, HID)
        self.v = nn.Linear(HID, 1, bias=False)
        self.softmax = nn.Softmax(dim=1 if FIXED else 0)

    def forward(self, hidden, enc):
        scores = self.v(torch.tanh(self.W(enc) + self.U(hidden).unsqueeze(1))).squeeze(2)
        weights = self.softmax(scores)
        return torch.bmm(weights.unsqueeze(1), enc).squeeze(1)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 24)
        self.attention = BahdanauAttention()
        self.cell = nn.GRUCell(24 + 2 * HID, HID)
        self.out = nn.Linear(HID + 2 * HID, 10)

    def forward(self, token, hidden, enc):
        ctx = self.attention(hidden, enc)
        hidden = self.cell(torch.cat([self.embedding(token), ctx], 1), hidden)
        return self.out(torch.cat([hidden, ctx], 1)), hidden


def decode(encoder, decoder, src, tgt=None):
    enc, hidden = encoder(src)
    token = torch.full((len(src),), SOS)
    logits = []
    for t in range(LEN):
        o, hidden = decoder(token, hidden, enc)
        logits.append(o)
        token = tgt[:, t] if tgt is not None else o.argmax(1)
    return torch.stack(logits, 1)


torch.manual_seed(seed)
rng = np.random.default_rng(seed)
encoder, decoder = Encoder(), Decoder()
params = list(encoder.parameters()) + list(decoder.parameters())
optimizer = optim.Adam(params, lr=4e-3)
nll = nn.CrossEntropyLoss()
test_src, test_tgt = sample(400, np.random.default_rng(12345))

for step in range(1, 451):
    src, tgt = sample(48, rng)
    optimizer.zero_grad()
    loss = nll(decode(encoder, decoder, src, tgt).reshape(-1, 10), tgt.reshape(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(params, 5.0)
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step} loss {loss.item():.4f}")

with torch.no_grad():
    pred = decode(encoder, decoder, test_src).argmax(-1)
print("digit accuracy %.4f" % (pred == test_tgt).float().mean().item())
