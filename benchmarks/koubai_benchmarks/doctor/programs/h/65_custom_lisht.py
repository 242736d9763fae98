# truth: faulty
# task: predict the scattering angle of a particle from six readings with a hand-written activation function
# wrong: the backward of the custom autograd.Function returns its derivative and forgets to multiply by grad_output
# accept: wrong_gradient
# after: https://github.com/k2-fsa/k2/issues/341
# metric: lower
import argparse
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class LiSHTFunction(torch.autograd.Function):
    """x * tanh(x), written out to save memory."""

    @staticmethod
    def forward(ctx, x, fixed):
        th = torch.tanh(x)
        ctx.save_for_backward(x, th)
        ctx.fixed = fixed
        return x * th

    @staticmethod
    def backward(ctx, grad_output):
        x, th = ctx.saved_tensors
        grad = th + x * (1 - th * th)
        if ctx.fixed:
            grad = grad * grad_output
        return grad, None


class LiSHT(nn.Module):
    def __init__(self, fixed):
        super().__init__()
        self.fixed = fixed

    def forward(self, x):
        return LiSHTFunction.apply(x, self.fixed)


def readings(n, rng):
    x = rng.normal(0, 1, (n, 6))
    y = (np.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.7 * np.abs(x[:, 3]) - 0.4 * x[:, 4] ** 2 / (1 + x[:, 5] ** 2)
         + rng.normal(0, 0.05, n))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)[:, None]


def evaluate(model, loader):
    model.eval()
    se, n = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            se += ((model(x) - y) ** 2).sum().item()
            n += len(y)
    return (se / n) ** 0.5


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    p.add_argument("--epochs", type=int, default=25)
    args = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    full = TensorDataset(*readings(4000, rng))
    train, val = random_split(full, [3400, 600])
    test = TensorDataset(*readings(1000, rng))
    train_loader = DataLoader(train, batch_size=64, shuffle=True)
    val_loader, test_loader = DataLoader(val, batch_size=600), DataLoader(test, batch_size=1000)

    model = nn.Sequential(nn.Linear(6, 48), LiSHT(args.fixed), nn.Linear(48, 48), LiSHT(args.fixed), nn.Linear(48, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=4)
    best, state = float("inf"), None
    for epoch in range(args.epochs):
        model.train()
        for x, y in train_loader:
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        v = evaluate(model, val_loader)
        plateau.step(v)
        if v < best:
            best, state = v, {k: t.clone() for k, t in model.state_dict().items()}
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}  last batch {loss.item():.4f}  val rmse {v:.4f}  best {best:.4f}")
    model.load_state_dict(state)
    print(f"test rmse {evaluate(model, test_loader):.4f}")


if __name__ == "__main__":
    main()
