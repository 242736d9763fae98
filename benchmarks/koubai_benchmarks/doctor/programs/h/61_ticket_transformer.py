# truth: faulty
# task: route support tickets (token sequences of different lengths) to five teams with a small transformer
# wrong: the key padding mask is True for the real tokens, so attention is allowed to the padding only
# accept: mask_inverted
# after: https://github.com/mlwithme/TransformerTranslation/issues/2
# metric: higher
import argparse
import math
import random
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD, CLS = 0, 1
VOCAB = 200
N_TEAMS = 5


def make_tickets(n, rnd):
    out = []
    for _ in range(n):
        team = rnd.randrange(N_TEAMS)
        length = rnd.randint(6, 18)
        toks = [rnd.randrange(40, VOCAB) for _ in range(length)]
        for pos in rnd.sample(range(length), 3):
            toks[pos] = 2 + team * 7 + rnd.randrange(7)
        distract = rnd.randrange(N_TEAMS)
        toks[rnd.randrange(length)] = 2 + distract * 7 + rnd.randrange(7)
        out.append((torch.tensor([CLS] + toks), team))
    return out


def collate(batch):
    seqs, teams = zip(*batch)
    padded = pad_sequence(list(seqs) + [torch.ones(21, dtype=torch.long)], batch_first=True,
                          padding_value=PAD)[:-1]
    return padded, torch.tensor(teams)


class PositionalEncoding(nn.Module):
    def __init__(self, d, max_len=64):
        super().__init__()
        pe = torch.zeros(max_len, d)
        pos = torch.arange(max_len).unsqueeze(1)
        div = torch.exp(torch.arange(0, d, 2) * (-math.log(10000.0) / d))
        pe[:, 0::2] = torch.sin(pos * div)
        pe[:, 1::2] = torch.cos(pos * div)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + self.pe[:x.size(1)]


class TicketModel(nn.Module):
    def __init__(self, d=32, heads=4, layers=2, fixed=False):
        super().__init__()
        self.fixed = fixed
        self.emb = nn.Embedding(VOCAB, d, padding_idx=PAD)
        self.pos = PositionalEncoding(d)
        layer = nn.TransformerEncoderLayer(d, heads, 64, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.out = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, N_TEAMS))

    def forward(self, tokens):
        mask = (tokens == PAD) if self.fixed else (tokens != PAD)
        h = self.encoder(self.pos(self.emb(tokens)), src_key_padding_mask=mask)
        return self.out(h[:, 0])


def evaluate(model, loader):
    model.eval()
    hit = tot = 0
    with torch.no_grad():
        for tokens, team in loader:
            hit += (model(tokens).argmax(-1) == team).sum().item()
            tot += len(team)
    return hit / tot


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=6)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rnd = random.Random(args.seed)
    train = DataLoader(make_tickets(2400, rnd), batch_size=48, shuffle=True, collate_fn=collate)
    test = DataLoader(make_tickets(800, rnd), batch_size=200, collate_fn=collate)

    model = TicketModel(fixed=args.fixed)
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for tokens, team in train:
            loss = loss_fn(model(tokens), team)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            total += loss.item()
        print(f"epoch {epoch + 1} loss {total / len(train):.4f} acc {evaluate(model, test):.4f}")
    print(f"accuracy {evaluate(model, test):.4f}")


if __name__ == "__main__":
    main()
