# truth: faulty
# task: a character GRU tells the language of made-up surnames
# wrong: the names lie in the file language by language and are fed in that order, one language after another
# accept: data_sorted
# after: https://github.com/facebookresearch/fastText/issues/74
# metric: higher
import random
import string
import sys

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
ALPHABET = string.ascii_lowercase
LANGUAGES = ["arvish", "belonian", "corrent", "dulmese", "estrik", "farnic"]


def language_model(rng):
    vowels = rng.sample("aeiouy", 4)
    consonants = rng.sample("bcdfghjklmnpqrstvwxz", 11)
    endings = ["".join(rng.sample(vowels + consonants, 2)) for _ in range(4)]
    return vowels, consonants, endings


def surname(rng, lang):
    vowels, consonants, endings = lang
    body = "".join(rng.choice(consonants) + rng.choice(vowels) for _ in range(rng.randint(1, 3)))
    return body + rng.choice(endings)


class Names(Dataset):
    def __init__(self, rng, langs, per_language):
        self.items = []
        for label, lang in enumerate(langs):
            for _ in range(per_language):
                self.items.append((surname(rng, lang), label))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        name, label = self.items[i]
        ids = [ALPHABET.index(c) + 1 for c in name][:9]
        return torch.tensor(ids + [0] * (9 - len(ids))), label


class CharGRU(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(len(ALPHABET) + 1, 24)
        self.gru = nn.GRU(24, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, len(LANGUAGES))

    def forward(self, x):
        _, h = self.gru(self.embed(x))
        return self.fc(h[-1])


def train_epoch(model, loader, optimizer, criterion):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item() * len(y)
    return total / len(loader.dataset)


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    hits = 0
    for x, y in loader:
        hits += (model(x).argmax(1) == y).sum().item()
    return hits / len(loader.dataset)


def main(argv):
    seed = int(argv[argv.index("--seed") + 1]) if "--seed" in argv else 0
    shuffle = "--fixed" in argv
    torch.manual_seed(seed)
    rng = random.Random(seed)
    langs = [language_model(rng) for _ in LANGUAGES]
    train = DataLoader(Names(rng, langs, 400), batch_size=20, shuffle=shuffle)
    test = DataLoader(Names(rng, langs, 100), batch_size=200)
    model = CharGRU()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(1, 6):
        loss = train_epoch(model, train, optimizer, criterion)
        print("epoch %d: loss %.4f" % (epoch, loss))
    print("accuracy on new names: %.4f" % accuracy(model, test))


if __name__ == "__main__":
    main(sys.argv[1:])
