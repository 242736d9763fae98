# truth: healthy
# task: LSTM sentence VAE whose KL weight is raised from 0 to its final value: the printed loss rises on purpose
# after: https://github.com/zdebruine/MMVAE/pull/19 (annealing of the KL term)
# metric: higher
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

VOCAB, LEN = 12, 8


def corpus(n, gen):
    """Each 'sentence' is two motifs of four tokens, six motifs exist, a little noise."""
    motifs = torch.tensor([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [3, 2, 1, 0], [7, 4, 7, 4], [11, 8, 2, 5]])
    k = torch.randint(0, 6, (n, 2), generator=gen)
    s = motifs[k].reshape(n, LEN)
    noise = torch.rand(n, LEN, generator=gen) < 0.03
    return torch.where(noise, torch.randint(0, VOCAB, (n, LEN), generator=gen), s)


class TextVAE(nn.Module):
    def __init__(self, h=64, z=8):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, 16)
        self.enc = nn.LSTM(16, h, batch_first=True)
        self.mu, self.lv = nn.Linear(h, z), nn.Linear(h, z)
        self.up = nn.Linear(z, h)
        self.dec = nn.LSTM(z, h, batch_first=True)
        self.out = nn.Linear(h, VOCAB)

    def forward(self, x):
        h = self.enc(self.emb(x))[1][0][0]
        mu, lv = self.mu(h), self.lv(h)
        z = mu + torch.randn_like(mu) * (0.5 * lv).exp() if self.training else mu
        h0 = torch.tanh(self.up(z))[None]
        o, _ = self.dec(z[:, None].expand(-1, LEN, -1), (h0, torch.zeros_like(h0)))
        return self.out(o), mu, lv


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    a = ap.parse_args()
    torch.manual_seed(a.seed)
    gen = torch.Generator().manual_seed(a.seed)
    train, test = corpus(3000, gen), corpus(500, gen)
    model = TextVAE()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    epochs = 16
    for e in range(epochs):
        model.train()
        beta = max(0.0, min(1.0, (e - 6) / 6))
        log = torch.zeros(3)
        perm = torch.randperm(len(train)).split(64)
        for idx in perm:
            x = train[idx]
            logits, mu, lv = model(x)
            rec = F.cross_entropy(logits.transpose(1, 2), x, reduction="none").sum(1).mean()
            kl = 0.5 * (mu ** 2 + lv.exp() - 1 - lv).sum(1).mean()
            loss = rec + beta * kl
            opt.zero_grad()
            loss.backward()
            opt.step()
            log += torch.tensor([loss.item(), rec.item(), kl.item()])
        l, r, k = (log / len(perm)).tolist()
        print(f"epoch {e + 1:2d} beta {beta:.2f} loss {l:.3f} rec {r:.3f} kl {k:.3f}")
    model.eval()
    with torch.no_grad():
        acc = (model(test)[0].argmax(-1) == test).float().mean().item()
    print(f"token accuracy of test reconstructions {acc:.4f}")


main()
