# truth: faulty
# task: tag names of persons and places in made-up sentences with a bidirectional LSTM
# wrong: tag 0 is both the padding and the real tag 'O', and the loss ignores index 0, so 'O' is never learnt
# accept: none
# after: https://github.com/nyu-mll/jiant/issues/925
# metric: higher
import argparse
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

torch.set_num_threads(1)
TAGS = {"O": 0, "B-PER": 1, "I-PER": 2, "B-LOC": 3}
TITLES, NAMES, PLACES, PREPS, WORDS = range(1, 5), range(5, 45), range(45, 75), range(75, 80), range(80, 200)
VOCAB = 200


def sentence(rnd):
    words, tags = [], []
    for _ in range(rnd.randint(3, 7)):
        r = rnd.random()
        if r < 0.22:
            words.append(rnd.choice(TITLES))
            tags.append("O")
            words.append(rnd.choice(NAMES))
            tags.append("B-PER")
            if rnd.random() < 0.5:
                words.append(rnd.choice(list(NAMES) + list(PLACES)))
                tags.append("I-PER")
        elif r < 0.42:
            words += [rnd.choice(PREPS), rnd.choice(list(PLACES) + list(NAMES)[:10])]
            tags += ["O", "B-LOC"]
        else:
            for _ in range(rnd.randint(1, 3)):
                words.append(rnd.choice(WORDS))
                tags.append("O")
    return torch.tensor(words), torch.tensor([TAGS[t] for t in tags])


def make_collate(label_pad):
    def collate(batch):
        batch = sorted(batch, key=lambda b: -len(b[0]))
        lengths = torch.tensor([len(b[0]) for b in batch])
        x = pad_sequence([b[0] for b in batch], batch_first=True, padding_value=0)
        y = pad_sequence([b[1] for b in batch], batch_first=True, padding_value=label_pad)
        return x, y, lengths
    return collate


class BiLSTMTagger(nn.Module):
    def __init__(self, emb=32, hid=40):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, emb, padding_idx=0)
        self.lstm = nn.LSTM(emb, hid, bidirectional=True, batch_first=True)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(2 * hid, len(TAGS))

    def forward(self, x, lengths):
        packed = pack_padded_sequence(self.dropout(self.embedding(x)), lengths, batch_first=True)
        out, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.fc(self.dropout(out))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    rnd = random.Random(args.seed)
    label_pad = -100 if args.fixed else 0
    train = [sentence(rnd) for _ in range(1200)]
    test = [sentence(rnd) for _ in range(300)]
    loader = DataLoader(train, batch_size=32, shuffle=True, collate_fn=make_collate(label_pad))

    model = BiLSTMTagger()
    criterion = nn.CrossEntropyLoss(ignore_index=label_pad)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(6):
        model.train()
        epoch_loss = 0.0
        for x, y, lengths in loader:
            optimizer.zero_grad()
            logits = model(x, lengths)
            loss = criterion(logits.view(-1, len(TAGS)), y.view(-1))
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
        print(f"Epoch: {epoch + 1:02} | Train Loss: {epoch_loss / len(loader):.3f}")

    model.eval()
    right = total = 0
    with torch.no_grad():
        for words, tags in test:
            pred = model(words[None], torch.tensor([len(words)])).argmax(-1)[0]
            right += (pred == tags).sum().item()
            total += len(tags)
    print(f"Token accuracy on new sentences: {right / total:.4f}")


if __name__ == "__main__":
    main()
