# truth: faulty
# task: a network with Gaussian weights (Bayes by backprop) classifies the digits
# wrong: the divergence of all the weights is added whole to the mean loss of every mini-batch, without division by the number of samples
# accept: over_regularized, term_outweighed
# after: https://github.com/tensorflow/probability/issues/651
# metric: higher
import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)


class BayesLinear(nn.Module):
    """Factorised Gaussian posterior over weight and bias, standard normal prior."""

    def __init__(self, fan_in, fan_out, prior_std=0.3):
        super().__init__()
        self.prior_std = prior_std
        self.w_mu = nn.Parameter(torch.randn(fan_out, fan_in) / math.sqrt(fan_in))
        self.w_rho = nn.Parameter(torch.full((fan_out, fan_in), -4.0))
        self.b_mu = nn.Parameter(torch.zeros(fan_out))
        self.b_rho = nn.Parameter(torch.full((fan_out,), -4.0))

    def forward(self, x):
        w_std, b_std = F.softplus(self.w_rho), F.softplus(self.b_rho)
        mean = F.linear(x, self.w_mu, self.b_mu)
        var = F.linear(x.pow(2), w_std.pow(2), b_std.pow(2))
        return mean + var.clamp_min(1e-10).sqrt() * torch.randn_like(mean)

    def divergence(self):
        total = 0.0
        for mu, rho in ((self.w_mu, self.w_rho), (self.b_mu, self.b_rho)):
            std = F.softplus(rho)
            total = total + (math.log(self.prior_std) - std.log()
                             + (std.pow(2) + mu.pow(2)) / (2 * self.prior_std ** 2) - 0.5).sum()
        return total


class BayesNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = BayesLinear(64, 80)
        self.l2 = BayesLinear(80, 10)

    def forward(self, x):
        return self.l2(F.relu(self.l1(x)))

    def divergence(self):
        return self.l1.divergence() + self.l2.divergence()


def predictive(net, x, draws=20):
    with torch.no_grad():
        return torch.stack([F.softmax(net(x), -1) for _ in range(draws)]).mean(0)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=40)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    X, y = load_digits(return_X_y=True)
    xa, xb, ya, yb = train_test_split(X / 16.0, y, test_size=0.3, random_state=args.seed, stratify=y)
    xa, xb = torch.tensor(xa, dtype=torch.float32), torch.tensor(xb, dtype=torch.float32)
    ya, yb = torch.tensor(ya), torch.tensor(yb)
    net = BayesNet()
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    weight = 1.0 / len(xa) if args.fixed else 1.0
    for epoch in range(args.epochs):
        perm = torch.randperm(len(xa))
        for idx in perm.split(64):
            nll = F.cross_entropy(net(xa[idx]), ya[idx])
            kl = net.divergence()
            loss = nll + weight * kl
            opt.zero_grad()
            loss.backward()
            opt.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: nll {nll.item():.4f} divergence {kl.item():.1f}")
    acc = (predictive(net, xb).argmax(1) == yb).float().mean().item()
    print(f"accuracy of the posterior predictive: {acc:.4f}")


if __name__ == "__main__":
    main()
