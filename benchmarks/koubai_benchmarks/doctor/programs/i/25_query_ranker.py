# truth: healthy
# task: learning to rank: order the documents of a query; one query at a time, gradients accumulated over sixteen queries
# after: https://github.com/allegro/allRank
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
FEATS = 20


class QuerySet:
    """queries with between 5 and 25 documents, graded 0 to 4"""

    def __init__(self, n, rng, w):
        self.items = []
        for _ in range(n):
            m = rng.integers(5, 26)
            shift = rng.normal(0, 1.0, FEATS)
            x = shift + rng.normal(size=(m, FEATS))
            s = (x - shift) @ w[0] + 1.2 * np.tanh(2 * (x - shift) @ w[1]) * (x - shift)[:, 0] + 0.3 * rng.normal(size=m)
            grade = np.clip(np.round(2 + 1.5 * (s - s.mean()) / (s.std() + 1e-6)), 0, 4)
            self.items.append((torch.tensor(x, dtype=torch.float32), torch.tensor(grade, dtype=torch.float32)))

    def __len__(self):
        return len(self.items)


class Scorer(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.fc1 = nn.Linear(2 * FEATS, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, 1)

    def forward(self, docs):
        context = docs - docs.mean(0, keepdim=True)
        h = torch.relu(self.fc1(torch.cat([docs, context], 1)))
        h = torch.relu(self.fc2(h))
        return self.fc3(h).squeeze(1)


def pair_logistic(scores, grade):
    """sum over all pairs in which one document is the better one"""
    better = grade[:, None] > grade[None]
    diff = scores[:, None] - scores[None]
    return nn.functional.softplus(-diff[better]).sum(), int(better.sum())


def ndcg(scores, grade, k=10):
    gain = 2 ** grade - 1
    disc = 1 / torch.log2(torch.arange(2, len(grade) + 2).float())
    order, ideal = scores.argsort(descending=True), grade.argsort(descending=True)
    return ((gain[order] * disc)[:k].sum() / (gain[ideal] * disc)[:k].sum().clamp(min=1e-9)).item()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--epochs', type=int, default=4)
    p.add_argument('--accumulate', type=int, default=16)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    w = rng.normal(0, 1 / np.sqrt(FEATS), (2, FEATS))
    train, test = QuerySet(700, rng, w), QuerySet(200, rng, w)
    model = Scorer()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    print('ndcg@10 before: %.4f' % np.mean([ndcg(model(x).detach(), g) for x, g in test.items]))
    for epoch in range(a.epochs):
        order = rng.permutation(len(train))
        total = 0.0
        for start in range(0, len(order), a.accumulate):
            group = [train.items[i] for i in order[start:start + a.accumulate]]
            pairs = sum(int((g[:, None] > g[None]).sum()) for _, g in group)
            opt.zero_grad()
            for x, g in group:
                loss, _ = pair_logistic(model(x), g)
                (loss / pairs).backward()
                total += loss.item() / pairs
            opt.step()
        print(f'epoch {epoch + 1}: pair loss {total / np.ceil(len(order) / a.accumulate):.4f}')
    with torch.no_grad():
        print('ndcg@10 on new queries: %.4f' % np.mean([ndcg(model(x), g) for x, g in test.items]))


if __name__ == '__main__':
    main()
