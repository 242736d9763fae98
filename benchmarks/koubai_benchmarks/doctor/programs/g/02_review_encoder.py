# truth: faulty
# task: transformer encoder that tells which of two opinions has more words in a padded sentence
# wrong: src_key_padding_mask is True at the real tokens, so the padding is attended to and the words are ignored
# accept: mask_inverted
# after: https://jkschin.com/blog/2024/src-key-padding-mask
# metric: higher
import argparse
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

PAD, CLS = 0, 1
GOOD = list(range(2, 8))
BAD = list(range(8, 14))
NEUTRAL = list(range(14, 40))
MAXLEN = 18


def sentences(n, gen):
    xs = torch.full((n, MAXLEN), PAD)
    ys = torch.zeros(n, dtype=torch.long)
    for i in range(n):
        length = int(torch.randint(7, MAXLEN - 2, (1,), generator=gen))
        good = int(torch.randint(0, 4, (1,), generator=gen))
        bad = int(torch.randint(0, 4, (1,), generator=gen))
        while bad == good:
            bad = int(torch.randint(0, 4, (1,), generator=gen))
        words = [GOOD[j] for j in torch.randint(0, 6, (good,), generator=gen)]
        words += [BAD[j] for j in torch.randint(0, 6, (bad,), generator=gen)]
        words += [NEUTRAL[j] for j in torch.randint(0, 26, (max(length - len(words), 0),), generator=gen)]
        order = torch.randperm(len(words), generator=gen)
        xs[i, 0] = CLS
        xs[i, 1:len(words) + 1] = torch.tensor(words)[order]
        ys[i] = int(good > bad)
    return xs, ys


class Classifier(nn.Module):
    def __init__(self, vocab=40, d=32, fixed=False):
        super().__init__()
        self.fixed = fixed
        self.emb = nn.Embedding(vocab, d, padding_idx=PAD)
        self.pos = nn.Parameter(torch.randn(MAXLEN, d) * 0.02)
        layer = nn.TransformerEncoderLayer(d, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(d, 2)

    def make_mask(self, x):
        if self.fixed:
            return x == PAD
        return x != PAD

    def forward(self, x):
        h = self.emb(x) + self.pos
        h = self.encoder(h, src_key_padding_mask=self.make_mask(x))
        return self.out(h[:, 0])


def evaluate(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(1) == y).sum().item()
            total += len(y)
    return right / total


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    args = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    gen = torch.Generator().manual_seed(args.seed)
    train = DataLoader(TensorDataset(*sentences(2500, gen)), batch_size=64, shuffle=True)
    test = DataLoader(TensorDataset(*sentences(600, gen)), batch_size=200)
    model = Classifier(fixed=args.fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(8):
        model.train()
        running = 0.0
        for x, y in train:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            running += loss.item()
        print("epoch", epoch + 1, "loss", round(running / len(train), 4), "val", round(evaluate(model, test), 4))
    print("test accuracy", round(evaluate(model, test), 4))


if __name__ == "__main__":
    main()
