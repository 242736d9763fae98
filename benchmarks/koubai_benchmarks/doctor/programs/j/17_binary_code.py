# truth: faulty
# task: an autoencoder of the digits through a code of bits (sign with a straight-through gradient)
# wrong: the backward pass masks by the binarised output instead of the input; all its values lie on the bound, so the gradient is always cut and the encoder learns nothing
# accept: wrong_gradient, not_training, vanishing_gradient
# after: https://github.com/pytorch/ao/pull/4806
# metric: lower
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)


class SignOfOutput(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        bits = torch.where(x >= 0, 1.0, -1.0)
        ctx.save_for_backward(bits)
        return bits

    @staticmethod
    def backward(ctx, grad):
        (v,) = ctx.saved_tensors
        return grad * (v.abs() < 1).to(grad.dtype)


class SignOfInput(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, grad):
        (v,) = ctx.saved_tensors
        return grad * (v.abs() < 1).to(grad.dtype)


class BinaryAutoencoder(nn.Module):
    def __init__(self, sign, bits=20, hidden=96):
        super().__init__()
        self.sign = sign
        self.encoder = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, bits))
        self.decoder = nn.Sequential(nn.Linear(bits, hidden), nn.ReLU(), nn.Linear(hidden, 64))

    def code(self, x):
        return self.sign.apply(self.encoder(x))

    def forward(self, x):
        return self.decoder(self.code(x))


def iterate(x, size):
    order = torch.randperm(len(x))
    for k in range(0, len(x), size):
        yield x[order[k:k + size]]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=36)
    ap.add_argument("--lr", type=float, default=3e-3)
    args = ap.parse_args()
    torch.manual_seed(args.seed)

    pixels = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    pixels = pixels[torch.randperm(len(pixels))]
    train, test = pixels[:1400], pixels[1400:]
    mean = train.mean(0)

    model = BinaryAutoencoder(SignOfInput if args.fixed else SignOfOutput)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        total = 0.0
        for batch in iterate(train - mean, 64):
            loss = F.mse_loss(model(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        if epoch % 12 == 11:
            print(f"epoch {epoch + 1} train mse {total / len(train):.5f}")
    with torch.no_grad():
        err = F.mse_loss(model(test - mean), test - mean).item()
        used = len({tuple(c.tolist()) for c in model.code(test - mean)})
    print(f"{used} different codes on the test set, reconstruction mse {err:.5f}")


if __name__ == "__main__":
    main()
