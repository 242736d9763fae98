# truth: faulty
# task: embed made-up signatures so that unseen writers can be told apart (siamese network, pairs)
# wrong: the contrastive loss has no margin: distances of unlike pairs are subtracted without a limit, so they are pushed apart for ever
# accept: loss_without_bound
# after: https://github.com/huggingface/sentence-transformers/issues/1567
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
a = argparse.ArgumentParser()
a.add_argument("--seed", default=0, type=int)
a.add_argument("--fixed", action="store_true")
a = a.parse_args()
rng = np.random.RandomState(a.seed)
torch.manual_seed(a.seed)

# ---- data: each writer is a point in style space, each signature a warped and noisy rendering of it
STYLE, DIM, WRITERS, EACH = 8, 40, 60, 12
mix1 = rng.randn(STYLE + 6, 64) / np.sqrt(STYLE)
mix2 = rng.randn(64, DIM) / 8.0
styles = rng.randn(WRITERS, STYLE)


def sign(w, n):
    z = np.concatenate([np.repeat(styles[w][None], n, 0), 1.2 * rng.randn(n, 6)], 1)
    return np.tanh(z @ mix1) @ mix2 + 0.05 * rng.randn(n, DIM)


X = np.stack([sign(w, EACH) for w in range(WRITERS)]).astype("float32")
X = (X - X.mean((0, 1))) / X.std((0, 1))
X = torch.tensor(X)
train_w, test_w = np.arange(40), np.arange(40, 60)


class SiameseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(DIM, 128)
        self.fc2 = nn.Linear(128, 128)
        self.fc3 = nn.Linear(128, 16)

    def once(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)

    def forward(self, x1, x2):
        return self.once(x1), self.once(x2)


def pair_loss(e1, e2, same):
    d = F.pairwise_distance(e1, e2)
    if a.fixed:
        return (same * d.pow(2) + (1 - same) * F.relu(2.0 - d).pow(2)).mean()
    return (same * d - (1 - same) * d).mean()


def draw_pairs(n):
    same = rng.rand(n) < 0.5
    w1 = rng.choice(train_w, n)
    w2 = np.where(same, w1, (w1 + rng.randint(1, 40, n)) % 40)
    i, j = rng.randint(0, EACH, n), rng.randint(0, EACH, n)
    return X[w1, i], X[w2, j], torch.tensor(same.astype("float32"))


net = SiameseNet()
optim = torch.optim.Adam(net.parameters(), lr=1e-3)
hist = []
for step in range(1, 901):
    x1, x2, same = draw_pairs(128)
    loss = pair_loss(*net(x1, x2), same)
    optim.zero_grad()
    loss.backward()
    optim.step()
    hist.append(loss.item())
    if step % 100 == 0:
        print("step %5d  loss %10.4f" % (step, np.mean(hist[-100:])))

# ---- verification on writers never seen: can one threshold tell same pairs from different ones?
net.eval()
with torch.no_grad():
    emb = net.once(X[test_w].reshape(-1, DIM))
lab = np.repeat(np.arange(len(test_w)), EACH)
D = torch.cdist(emb, emb).numpy()
iu = np.triu_indices(len(lab), 1)
is_same = (lab[:, None] == lab[None])[iu]
order = np.argsort(D[iu])
hits = is_same[order]
precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
print("average precision of verification", round(float((precision * hits).sum() / hits.sum()), 4))
