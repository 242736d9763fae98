# truth: faulty
# task: a GRU sorts made-up commands into intents, words looked up in a vocabulary
# wrong: the word index is built anew from the test sentences, so at test time the same number means another word
# accept: none
# after: https://github.com/WayneDW/Sentiment-Analysis-in-Event-Driven-Stock-Price-Movement-Prediction/issues/20
# metric: higher
import argparse
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

torch.set_num_threads(1)
VERBS = {
    "play": "play start stream queue put".split(),
    "light": "dim brighten switch toggle glow".split(),
    "alarm": "wake remind ring schedule snooze".split(),
    "weather": "forecast rain snow sunny windy".split(),
    "message": "text call email write send".split(),
}
OBJECTS = "kitchen bedroom song album jazz morning tomorrow tonight anna peter office garden radio lamp city".split()
FILLER = "please can you the a my for in on me now could would to just kindly hey".split()
LABELS = sorted(VERBS)


def sentence(rng):
    label = rng.choice(LABELS)
    words = [rng.choice(VERBS[label])] + rng.sample(OBJECTS, rng.randint(1, 3)) + rng.sample(FILLER, rng.randint(2, 5))
    rng.shuffle(words)
    if rng.random() < 0.3:
        words.insert(rng.randrange(len(words)), "not")
        words.append(rng.choice(VERBS[rng.choice(LABELS)]))
        label = label if words.index("not") > 1 else LABELS[(LABELS.index(label) + 1) % 5]
    return words, LABELS.index(label)


class Vocabulary:
    def __init__(self, sentences):
        self.index = {"<pad>": 0, "<unk>": 1}
        for words, _ in sentences:
            for w in words:
                self.index.setdefault(w, len(self.index))

    def __len__(self):
        return len(self.index)

    def numericalize(self, sentences):
        return [(torch.tensor([self.index.get(w, 1) for w in ws]), y) for ws, y in sentences]


def collate(batch):
    xs, ys = zip(*batch)
    return pad_sequence(xs, batch_first=True), torch.tensor([len(x) for x in xs]), torch.tensor(ys)


class IntentGRU(nn.Module):
    def __init__(self, n_words, emb=32, hidden=48):
        super().__init__()
        self.emb = nn.Embedding(n_words, emb, padding_idx=0)
        self.gru = nn.GRU(emb, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * hidden, len(LABELS)))

    def forward(self, x, lengths):
        h, _ = self.gru(self.emb(x))
        mask = (torch.arange(x.size(1))[None] < lengths[:, None]).unsqueeze(-1)
        return self.out(h.masked_fill(~mask, -1e4).max(1).values)


def load(args):
    rng = random.Random(args.seed)
    raw_train = [sentence(rng) for _ in range(1600)]
    raw_test = [sentence(rng) for _ in range(500)]
    vocab = Vocabulary(raw_train)
    train = vocab.numericalize(raw_train)
    if not args.fixed:
        vocab = Vocabulary(raw_test)
    test = vocab.numericalize(raw_test)
    return train, test, len(vocab)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=8)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    train, test, n_words = load(args)
    loader = DataLoader(train, batch_size=32, shuffle=True, collate_fn=collate)
    test_loader = DataLoader(test, batch_size=125, collate_fn=collate)
    model = IntentGRU(n_words)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for x, lengths, y in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x, lengths), y)
            loss.backward()
            optimizer.step()
            running += loss.item()
        model.eval()
        with torch.no_grad():
            right = sum((model(x, n).argmax(1) == y).sum().item() for x, n, y in test_loader)
        print(f"epoch {epoch + 1} train loss {running / len(loader):.3f} test accuracy {right / len(test):.3f}")


main()
