# truth: faulty
# task: route short tickets (token sequences with padding) to one of five desks with an attention-pooled classifier
# wrong: the padding mask is given to scaled_dot_product_attention the wrong way round, so only padding is attended to
# accept: representations_alike, not_learning, labels_wrong
# after: https://github.com/InseeFrLab/torchTextClassifiers/pull/92
# metric: higher
import sys
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import Dataset, DataLoader

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
np.random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

PAD, VOCAB, MAX_LEN, DESKS = 0, 400, 24, 5


class Tickets(Dataset):
    """Every desk has 20 words of its own; the other words are shared."""

    def __init__(self, n):
        self.ids = np.full((n, MAX_LEN), PAD, dtype=np.int64)
        self.desk = np.random.randint(0, DESKS, size=n)
        for i in range(n):
            length = np.random.randint(6, MAX_LEN - 2)
            words = np.random.randint(101, VOCAB, size=length)
            own = np.random.rand(length) < 0.2
            own[np.random.randint(length)] = True
            words[own] = 1 + 20 * self.desk[i] + np.random.randint(0, 20, size=own.sum())
            self.ids[i, :length] = words

    def __len__(self):
        return len(self.desk)

    def __getitem__(self, i):
        return torch.from_numpy(self.ids[i]), int(self.desk[i])


class LabelAttention(nn.Module):
    def __init__(self, dim, n_labels):
        super().__init__()
        self.queries = nn.Parameter(torch.randn(n_labels, dim) * 0.1)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)

    def forward(self, x, pad):
        q = self.queries.expand(x.size(0), -1, -1)
        mask = pad.unsqueeze(1).expand(-1, q.size(1), -1)
        if FIXED:
            mask = ~mask
        return F.scaled_dot_product_attention(q, self.key(x), self.value(x), attn_mask=mask)


class Router(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, dim, padding_idx=PAD)
        self.pool = LabelAttention(dim, DESKS)
        self.out = nn.Linear(dim, 1)

    def forward(self, ids):
        return self.out(self.pool(self.embed(ids), ids == PAD)).squeeze(-1)


def accuracy(model, loader):
    model.eval()
    hits = n = 0
    with torch.no_grad():
        for ids, desk in loader:
            hits += (model(ids).argmax(1) == desk).sum().item()
            n += len(desk)
    model.train()
    return hits / n


train_loader = DataLoader(Tickets(3000), batch_size=64, shuffle=True)
test_loader = DataLoader(Tickets(800), batch_size=200)
model = Router()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(10):
    running = 0.0
    for ids, desk in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(ids), desk)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(f"[{epoch + 1}] loss {running / len(train_loader):.4f} acc {accuracy(model, test_loader):.3f}")
print("final accuracy:", accuracy(model, test_loader))
