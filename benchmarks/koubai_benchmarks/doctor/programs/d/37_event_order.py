# truth: faulty
# task: which of two marker events comes first in a visit sequence (transformer encoder)
# wrong: inputs are (batch, time, features) but positions are added and attention runs along the batch dimension
# accept: answers_depend_on_batch, not_learning
# after: https://github.com/songyangco/GETNext/issues/2
# metric: higher
import argparse
import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def visits(n, length, n_events, gen):
    seq = torch.randint(2, n_events, (n, length), generator=gen)
    places = torch.stack([torch.randperm(length, generator=gen)[:2] for _ in range(n)])
    rows = torch.arange(n)
    seq[rows, places[:, 0]] = 0
    seq[rows, places[:, 1]] = 1
    return seq, (places[:, 0] < places[:, 1]).long()


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=512):
        super().__init__()
        pos = torch.arange(max_len).unsqueeze(1)
        div = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model)
        pe[:, 0, 0::2] = torch.sin(pos * div)
        pe[:, 0, 1::2] = torch.cos(pos * div)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + self.pe[: x.size(0)]


class OrderModel(nn.Module):
    def __init__(self, n_events, d_model=32, time_first=False):
        super().__init__()
        self.time_first = time_first
        self.embed = nn.Embedding(n_events, d_model)
        self.pos = PositionalEncoding(d_model)
        layer = nn.TransformerEncoderLayer(d_model, nhead=4, dim_feedforward=64, dropout=0.0)
        self.encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.head = nn.Linear(d_model, 2)

    def forward(self, ids):
        x = self.embed(ids)
        if self.time_first:
            x = x.transpose(0, 1)
        x = self.encoder(self.pos(x))
        return self.head(x.mean(dim=0 if self.time_first else 1))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    gen = torch.Generator().manual_seed(args.seed)
    train = TensorDataset(*visits(2000, 10, 20, gen))
    test = TensorDataset(*visits(600, 10, 20, gen))
    model = OrderModel(20, time_first=args.fixed)
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    loss_fn = nn.CrossEntropyLoss()

    for epoch in range(10):
        model.train()
        tot = 0.0
        for ids, label in DataLoader(train, batch_size=50, shuffle=True):
            loss = loss_fn(model(ids), label)
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item() * len(ids)
        model.eval()
        good = 0
        with torch.no_grad():
            for ids, label in DataLoader(test, batch_size=50):
                good += (model(ids).argmax(-1) == label).sum().item()
        print(f"epoch {epoch + 1} | loss {tot / len(train):.4f} | test acc {good / len(test):.4f}")


if __name__ == "__main__":
    main()
