# truth: faulty
# task: adapting a pretrained digits network to transposed digits with low-rank adapters
# wrong: both factors of the adapters start at zero, so neither ever receives a gradient
# accept: symmetric_init, not_training
# after: https://github.com/Lightning-AI/litgpt/issues/1229
# metric: higher
import argparse
import math

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


class LoRALinear(nn.Module):
    def __init__(self, base, r, alpha, reset):
        super().__init__()
        self.base = base
        self.scaling = alpha / r
        self.lora_A = nn.Parameter(torch.zeros(r, base.in_features))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, r))
        if reset:
            self.reset_parameters()

    def reset_parameters(self):
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        nn.init.zeros_(self.lora_B)

    def forward(self, x):
        return self.base(x) + (x @ self.lora_A.T @ self.lora_B.T) * self.scaling


def inject(net, r, alpha, reset):
    for name, child in list(net.named_children()):
        if isinstance(child, nn.Linear):
            setattr(net, name, LoRALinear(child, r, alpha, reset))
    for name, p in net.named_parameters():
        p.requires_grad = "lora_" in name
    return net


def train(net, x, y, epochs, lr, tag):
    params = [p for p in net.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(params, lr=lr, weight_decay=0.0)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for epoch in range(epochs):
        running = 0.0
        for xb, yb in loader:
            loss = nn.functional.cross_entropy(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            running += loss.item() * len(yb)
        if (epoch + 1) % 5 == 0:
            print(f"{tag} epoch {epoch + 1} loss {running / len(x):.4f}")


@torch.no_grad()
def accuracy(net, x, y):
    return (net(x).argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--rank", type=int, default=8)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    raw = load_digits()
    images = torch.tensor(raw.images, dtype=torch.float32) / 16
    labels = torch.tensor(raw.target)
    order = torch.randperm(len(images))
    images, labels = images[order], labels[order]
    source = images.flatten(1)
    shifted = images.transpose(1, 2).flip(2).flatten(1)

    net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 10))
    train(net, source[:900], labels[:900], 15, 2e-3, "pretrain")
    print(f"pretrained network on source digits {accuracy(net, source[1397:], labels[1397:]):.4f}")

    inject(net, args.rank, 16, reset=args.fixed)
    n = sum(p.numel() for p in net.parameters() if p.requires_grad)
    print(f"trainable parameters {n}")
    train(net, shifted[900:1397], labels[900:1397], 40, 3e-3, "adapt")
    print(f"test accuracy on shifted digits {accuracy(net, shifted[1397:], labels[1397:]):.4f}")


if __name__ == "__main__":
    main()
