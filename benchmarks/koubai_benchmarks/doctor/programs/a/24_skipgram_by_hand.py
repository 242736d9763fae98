# truth: healthy
# task: skip-gram embeddings of random walks on a ring of cliques, negative sampling, gradients and updates written by hand, rate 2.0
# after: word2vec skip-gram with negative sampling written without an optimizer (no single thread)
# metric: higher
import argparse

import torch


def ring_of_cliques(k=20, size=10):
    n = k * size
    A = torch.zeros(n, n)
    for c in range(k):
        i = torch.arange(c * size, (c + 1) * size)
        A[i[:, None], i[None]] = 1
        j = ((c + 1) % k) * size
        A[i[-1], j] = A[j, i[-1]] = 1
    A.fill_diagonal_(0)
    return A, torch.arange(n) // size


def walks(A, starts, length, gen):
    P = A / A.sum(1, keepdim=True)
    path = [starts]
    for _ in range(length - 1):
        path.append(torch.multinomial(P[path[-1]], 1, generator=gen).squeeze(1))
    return torch.stack(path, 1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    a = ap.parse_args()
    gen = torch.Generator().manual_seed(a.seed)
    A, clique = ring_of_cliques()
    n, d, K, lr = len(A), 16, 5, 2.0
    W = (torch.rand(n, d, generator=gen) - 0.5) / d
    C = torch.zeros(n, d)
    for it in range(1, 1201):
        w = walks(A, torch.randint(0, n, (64,), generator=gen), 8, gen)
        off = int(torch.randint(1, 4, (1,), generator=gen))
        centre, context = w[:, :-off].reshape(-1), w[:, off:].reshape(-1)
        neg = torch.randint(0, n, (len(centre), K), generator=gen)
        v, ctx = W[centre], torch.cat([C[context][:, None], C[neg]], 1)
        score = torch.einsum("bd,bkd->bk", v, ctx)
        target = torch.zeros_like(score)
        target[:, 0] = 1
        prob = torch.sigmoid(score)
        g = (prob - target) / 16
        gv = torch.einsum("bk,bkd->bd", g, ctx)
        gc = g[:, :, None] * v[:, None]
        W.index_add_(0, centre, gv, alpha=-lr)
        C.index_add_(0, torch.cat([context[:, None], neg], 1).reshape(-1), gc.reshape(-1, d), alpha=-lr)
        if it % 150 == 0:
            loss = -(torch.log(prob[:, 0] + 1e-9).mean() + torch.log(1 - prob[:, 1:] + 1e-9).sum(1).mean())
            print(f"iteration {it} loss {loss.item():.4f}")
    E = W / W.norm(dim=1, keepdim=True)
    S = E @ E.T
    S.fill_diagonal_(-2)
    near = S.topk(5).indices
    print("neighbours from the same clique: %.4f" % (clique[near] == clique[:, None]).float().mean().item())


main()
