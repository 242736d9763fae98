# truth: faulty
# task: topic classification of bags of words (four topics)
# wrong: documents and labels are shuffled one after the other, each with its own permutation
# accept: labels_wrong
# after: https://github.com/xudonmao/VMT/issues/1
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn.functional as F

N_TOPICS, N_WORDS, DOC_LEN = 4, 400, 40


def write_documents(n, rng, topic_words):
    labels = rng.integers(0, N_TOPICS, n)
    counts = np.zeros((n, N_WORDS), dtype=np.float32)
    for i, t in enumerate(labels):
        mix = 0.35 * topic_words[t] + 0.65 / N_WORDS
        counts[i] = rng.multinomial(DOC_LEN, mix / mix.sum())
    return counts, labels


def tfidf(counts, idf=None):
    if idf is None:
        df = (counts > 0).sum(0)
        idf = np.log((1 + len(counts)) / (1 + df)) + 1
    z = np.log1p(counts) * idf
    z /= np.linalg.norm(z, axis=1, keepdims=True) + 1e-9
    return z.astype(np.float32), idf


class BagOfWords(torch.nn.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.l1 = torch.nn.Linear(n_in, n_hidden)
        self.l2 = torch.nn.Linear(n_hidden, n_out)

    def forward(self, x):
        h = F.relu(self.l1(x))
        h = F.dropout(h, 0.3, training=self.training)
        return self.l2(h)


def main(args):
    torch.manual_seed(args.seed)
    np.random.seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    topic_words = rng.dirichlet(np.full(N_WORDS, 0.08), N_TOPICS)
    docs, labels = write_documents(3000, rng, topic_words)
    test_docs, test_labels = write_documents(1000, rng, topic_words)
    X, idf = tfidf(docs)
    Xt, _ = tfidf(test_docs, idf)

    if args.fixed:
        p = np.random.permutation(len(X))
        X, y = X[p], labels[p]
    else:
        y = labels.copy()
        np.random.shuffle(X)
        np.random.shuffle(y)

    X, y = torch.from_numpy(X), torch.from_numpy(y)
    Xt, yt = torch.from_numpy(Xt), torch.from_numpy(test_labels)
    n_val = 300
    Xv, yv, X, y = X[:n_val], y[:n_val], X[n_val:], y[n_val:]

    model = BagOfWords(N_WORDS, 64, N_TOPICS)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(args.epochs):
        model.train()
        seen, total, right = 0, 0.0, 0
        for b in range(0, len(X), args.batch):
            xb, yb = X[b:b + args.batch], y[b:b + args.batch]
            logits = model(xb)
            loss = F.cross_entropy(logits, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xb)
            right += (logits.argmax(1) == yb).sum().item()
            seen += len(xb)
        model.eval()
        with torch.no_grad():
            vacc = (model(Xv).argmax(1) == yv).float().mean().item()
        print(f"epoch {epoch}: loss {total / seen:.4f} acc {right / seen:.4f} val acc {vacc:.4f}")

    with torch.no_grad():
        acc = (model(Xt).argmax(1) == yt).float().mean().item()
    print(f"test accuracy: {acc:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=50)
    main(parser.parse_args())
