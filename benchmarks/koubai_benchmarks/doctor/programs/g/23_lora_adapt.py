# truth: faulty
# task: adapt a pretrained digit network to mirrored, inverted digits with low-rank adapters only
# wrong: both adapter matrices start at zero, their gradients are zero for ever
# accept: symmetric_init, not_training
# after: https://github.com/Guitaricet/relora/issues/18
# metric: higher
import argparse
import math
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class LoRALinear(nn.Module):
    def __init__(self, base, rank, alpha, init_a):
        super().__init__()
        self.base = base
        for p in self.base.parameters():
            p.requires_grad = False
        self.lora_a = nn.Parameter(torch.zeros(rank, base.in_features))
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank))
        if init_a:
            nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))
        self.scaling = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scaling * F.linear(F.linear(x, self.lora_a), self.lora_b)


class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(64, 128)
        self.mid = nn.Linear(128, 128)
        self.out = nn.Linear(128, 10)

    def forward(self, x):
        return self.out(F.gelu(self.mid(F.gelu(self.up(x)))))


def add_lora(model, rank, alpha, init_a):
    for name in ("up", "mid", "out"):
        setattr(model, name, LoRALinear(getattr(model, name), rank, alpha, init_a))
    return [p for p in model.parameters() if p.requires_grad]


def fit(model, params, x, y, lr, epochs, tag):
    opt = torch.optim.AdamW(params, lr=lr)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        if epoch % 5 == 0:
            print(f"{tag} epoch {epoch} loss {total / len(x):.4f}")


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    return (model(x).argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--rank", type=int, default=8)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    d = load_digits()
    x = torch.tensor(d.images / 16.0, dtype=torch.float32)
    y = torch.tensor(d.target)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    old = x.flatten(1)
    new = (1 - x.flip(2)).flatten(1)
    model = DigitNet()
    fit(model, list(model.parameters()), old[:700], y[:700], 2e-3, 15, "pretraining")
    print(f"before: old {accuracy(model, old[1400:], y[1400:]):.4f} new {accuracy(model, new[1400:], y[1400:]):.4f}")
    params = add_lora(model, args.rank, 16, args.fixed)
    print("trainable parameters:", sum(p.numel() for p in params))
    fit(model, params, new[700:1400], y[700:1400], 3e-3, 30, "adapting")
    print(f"accuracy on new digits after adapting {accuracy(model, new[1400:], y[1400:]):.4f}")


if __name__ == "__main__":
    main()
