# truth: faulty
# task: LSTM encoder-decoder turns written-out dates into ISO form
# wrong: the encoder's state is detached before it goes to the decoder, so the encoder keeps its initial weights
# accept: not_training
# after: https://github.com/keras-team/keras/issues/2995 (no gradient from the decoder into the encoder)
# metric: higher
import random
import sys
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence

FIXED = "--fixed" in sys.argv
MONTHS = "january february march april may june july august september october november december".split()
SRC = ["<pad>"] + sorted(set("".join(MONTHS) + "0123456789 ,"))
TGT = ["<s>"] + list("0123456789-")
s2i = {c: i for i, c in enumerate(SRC)}
t2i = {c: i for i, c in enumerate(TGT)}


def one():
    y, m, d = random.randint(1990, 2029), random.randint(1, 12), random.randint(1, 28)
    if random.random() < 0.5:
        text = f"{d} {MONTHS[m - 1]} {y}"
    else:
        text = f"{MONTHS[m - 1]} {d}, {y}"
    return text, f"{y}-{m:02d}-{d:02d}"


def tensors(pairs):
    src = [torch.tensor([s2i[c] for c in a]) for a, _ in pairs]
    lens = torch.tensor([len(s) for s in src])
    tgt = torch.tensor([[t2i[c] for c in b] for _, b in pairs])
    return pad_sequence(src, batch_first=True), lens, tgt


class EncoderLSTM(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.emb = nn.Embedding(len(SRC), 16, padding_idx=0)
        self.lstm = nn.LSTM(16, hidden, batch_first=True)

    def forward(self, src, lens):
        packed = nn.utils.rnn.pack_padded_sequence(self.emb(src), lens, batch_first=True, enforce_sorted=False)
        _, (h, c) = self.lstm(packed)
        return h, c


class DecoderLSTM(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.emb = nn.Embedding(len(TGT), 16)
        self.lstm = nn.LSTM(16, hidden, batch_first=True)
        self.out = nn.Linear(hidden, len(TGT))

    def forward(self, tokens, state):
        o, state = self.lstm(self.emb(tokens), state)
        return self.out(o), state


def repackage(state):
    return tuple(s if FIXED else s.detach() for s in state)


def train_step(enc, dec, opts, batch, criterion):
    src, lens, tgt = batch
    state = repackage(enc(src, lens))
    inp = torch.cat([torch.zeros(len(tgt), 1, dtype=torch.long), tgt[:, :-1]], 1)
    logits, _ = dec(inp, state)
    loss = criterion(logits.transpose(1, 2), tgt)
    for o in opts:
        o.zero_grad()
    loss.backward()
    for o in opts:
        o.step()
    return loss.item()


@torch.no_grad()
def translate(enc, dec, src, lens):
    state = enc(src, lens)
    tok = torch.zeros(len(src), 1, dtype=torch.long)
    res = []
    for _ in range(10):
        logits, state = dec(tok, state)
        tok = logits.argmax(-1)
        res.append(tok)
    return torch.cat(res, 1)


def main():
    seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
    random.seed(seed)
    torch.manual_seed(seed)
    enc, dec = EncoderLSTM(64), DecoderLSTM(64)
    opts = [torch.optim.Adam(m.parameters(), lr=6e-3) for m in (enc, dec)]
    criterion = nn.CrossEntropyLoss()
    test = tensors([one() for _ in range(300)])
    loss_sum = 0
    for i in range(1, 501):
        loss_sum += train_step(enc, dec, opts, tensors([one() for _ in range(40)]), criterion)
        if i % 100 == 0:
            print(f"{i}: loss {loss_sum / 100:.4f}")
            loss_sum = 0
    pred = translate(enc, dec, test[0], test[1])
    print("character accuracy of greedy translations:", round((pred == test[2]).float().mean().item(), 4))


main()
