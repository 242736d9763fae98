# truth: healthy
# task: implicit two-tower recommender in plain tensors, full-batch SGD with a learning rate of 100 on a mean loss
# after: https://arxivlens.com/PaperView/Details/large-learning-rate-tames-homogeneity-convergence-and-balancing-effect-7172-1816051
# metric: lower
import sys
import torch

seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
U, I, R = 400, 300, 5
true = torch.randn(U, R) @ torch.randn(R, I) / R ** 0.5
obs = true + 0.2 * torch.randn(U, I)
seen = torch.rand(U, I) < 0.25
held = seen & (torch.rand(U, I) < 0.2)
fit = seen & ~held

p = (0.3 * torch.randn(U, R + 1)).requires_grad_()
q = (0.3 * torch.randn(I, R + 1)).requires_grad_()
n = fit.sum()
opt = torch.optim.SGD([p, q], lr=100.0)
for it in range(1201):
    err = (p @ q.T - obs)[fit]
    loss = err.pow(2).sum() / n + 1e-6 * (p.pow(2).sum() + q.pow(2).sum())
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 100 == 0:
        print(f"it {it:4d} loss {loss.item():.4f}")
with torch.no_grad():
    print("rmse of predicting the mean %.4f" % obs[held].std().item())
    print("held-out rmse %.4f" % (p @ q.T - obs)[held].pow(2).mean().sqrt().item())
