# truth: healthy
# task: matrix factorization updated by hand with a rate of 300 (the loss is a mean over all cells of a table, so gradients are tiny)
# metric: lower
import argparse
import torch

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--lr", type=float, default=300.0)
args = ap.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

users, items, rank = 500, 400, 6
truth = (torch.randn(users, rank) @ torch.randn(rank, items)) / rank ** 0.5
table = truth + 0.1 * torch.randn(users, items)
seen = torch.rand(users, items) < 0.4

U = (0.3 * torch.randn(users, rank)).requires_grad_()
V = (0.3 * torch.randn(items, rank)).requires_grad_()

for sweep in range(1, 1501):
    err = (U @ V.T - table) * seen
    loss = err.square().mean()
    gU, gV = torch.autograd.grad(loss, [U, V])
    with torch.no_grad():
        U -= args.lr * gU
        V -= args.lr * gV
    if sweep % 150 == 0:
        print("sweep", sweep, "mean error over the table", round(loss.item(), 6))

with torch.no_grad():
    hidden = ~seen
    print("mse of predicting zero for hidden cells", (table[hidden] ** 2).mean().item())
    print("mse for hidden cells", ((U @ V.T - table)[hidden] ** 2).mean().item())
