# truth: healthy
# task: VAE on the digits with a KL weight that grows from 0 to 1 (the loss rises meanwhile) and summed losses
# after: https://github.com/wiseodd/generative-models/issues/40
# metric: lower
import argparse
import torch
import torch.nn as nn
from torch.distributions import Normal, kl_divergence
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits


class Encoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 160), nn.ELU(), nn.Linear(160, 2 * code))

    def forward(self, x):
        mean, raw = self.net(x).chunk(2, 1)
        return Normal(mean, nn.functional.softplus(raw) + 1e-4)


class Decoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(code, 160), nn.ELU(), nn.Linear(160, 64))

    def forward(self, z):
        return self.net(z)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--code", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=45)
    parser.add_argument("--warmup", type=int, default=25)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    pixels = torch.tensor(load_digits().data / 16, dtype=torch.float32)
    pixels = pixels[torch.randperm(len(pixels))]
    train, test = pixels[:1450], pixels[1450:]
    loader = DataLoader(TensorDataset(train), batch_size=58, shuffle=True)
    encoder, decoder = Encoder(args.code), Decoder(args.code)
    prior = Normal(0.0, 1.0)
    bce = nn.BCEWithLogitsLoss(reduction="sum")
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    for epoch in range(args.epochs):
        beta = min(1.0, epoch / args.warmup)
        sums = torch.zeros(2)
        for (x,) in loader:
            q = encoder(x)
            rec = bce(decoder(q.rsample()), x)
            kl = kl_divergence(q, prior).sum()
            loss = rec + beta * kl
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            sums += torch.tensor([rec.item(), kl.item()])
        if epoch % 5 == 0:
            rec, kl = sums / len(train)
            print(f"epoch {epoch:3d} beta {beta:.2f} rec {rec:.3f} kl {kl:.3f} total {rec + beta * kl:.3f}")
    encoder.eval(), decoder.eval()
    with torch.no_grad():
        out = torch.sigmoid(decoder(encoder(test).mean))
    print(f"reconstruction error on held-out digits {(out - test).pow(2).mean().item():.5f}")


if __name__ == "__main__":
    main()
