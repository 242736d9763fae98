# truth: faulty
# task: bidirectional LSTM that tags made-up sentences
# wrong: the scheduler meant for epochs is stepped after each batch, so the rate is gone within the first epochs
# accept: schedule_too_fast
# after: https://github.com/ivadomed/ivadomed/pull/55
# metric: higher
import argparse
import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence

torch.set_num_threads(1)

DETS, ADJS, NOUNS, VERBS, ADVS = (range(1, 6), range(6, 40), range(30, 80), range(70, 110), range(105, 125))
TAGS = {"PAD": 0, "DET": 1, "ADJ": 2, "NOUN": 3, "VERB": 4, "ADV": 5}


def noun_phrase():
    out = [(random.choice(DETS), "DET")] if random.random() < 0.8 else []
    out += [(random.choice(ADJS), "ADJ") for _ in range(random.choice([0, 1, 1, 2]))]
    return out + [(random.choice(NOUNS), "NOUN")]


def sentence():
    out = noun_phrase()
    if random.random() < 0.4:
        out.append((random.choice(ADVS), "ADV"))
    out.append((random.choice(VERBS), "VERB"))
    if random.random() < 0.7:
        out += noun_phrase()
    words, tags = zip(*out)
    return torch.tensor(words), torch.tensor([TAGS[t] for t in tags])


class Tagger(nn.Module):
    def __init__(self, vocab=125, emb=32, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb, padding_idx=0)
        self.lstm = nn.LSTM(emb, hidden, bidirectional=True, batch_first=True)
        self.hidden2tag = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, words):
        out, _ = self.lstm(self.embedding(words))
        return self.hidden2tag(out)


def collate(samples):
    words, tags = zip(*samples)
    return pad_sequence(words, batch_first=True), pad_sequence(tags, batch_first=True)


def token_accuracy(model, samples):
    model.eval()
    with torch.no_grad():
        words, tags = collate(samples)
        hit = (model(words).argmax(-1) == tags)[tags != 0]
    model.train()
    return hit.float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--epochs", type=int, default=16)
    args = parser.parse_args()
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    train = [sentence() for _ in range(2000)]
    dev, test = [sentence() for _ in range(300)], [sentence() for _ in range(1000)]

    model = Tagger()
    criterion = nn.CrossEntropyLoss(ignore_index=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
    for epoch in range(args.epochs):
        random.shuffle(train)
        total, count = 0.0, 0
        for k in range(0, len(train), 40):
            words, tags = collate(train[k:k + 40])
            loss = criterion(model(words).flatten(0, 1), tags.flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            if not args.fixed:
                scheduler.step()
            total, count = total + loss.item(), count + 1
        if args.fixed:
            scheduler.step()
        print(f"epoch {epoch + 1:2d} loss {total / count:.4f} dev {token_accuracy(model, dev):.4f}")
    print(f"test token accuracy {token_accuracy(model, test):.4f}")


if __name__ == "__main__":
    main()
