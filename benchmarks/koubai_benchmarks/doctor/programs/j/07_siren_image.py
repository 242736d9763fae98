# truth: faulty
# task: a sine network maps coordinates to the pixels of an image; judged on pixels left out
# wrong: the hidden layers are drawn from the uniform range without the division by omega, thirty times too wide
# accept: init_too_large
# after: https://github.com/lucidrains/siren-pytorch/issues/1
# metric: higher
import argparse
import math

import torch
from torch import nn

torch.set_num_threads(1)


class Sine(nn.Module):
    def __init__(self, w0):
        super().__init__()
        self.w0 = w0

    def forward(self, x):
        return torch.sin(self.w0 * x)


class SirenLayer(nn.Module):
    def __init__(self, dim_in, dim_out, w0=30.0, first=False, scale_by_w0=True, activation=None):
        super().__init__()
        weight = torch.empty(dim_out, dim_in)
        bias = torch.empty(dim_out)
        if first:
            bound = 1 / dim_in
        else:
            bound = math.sqrt(6 / dim_in)
            if scale_by_w0:
                bound = bound / w0
        weight.uniform_(-bound, bound)
        bias.uniform_(-1 / math.sqrt(dim_in) / w0, 1 / math.sqrt(dim_in) / w0)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.activation = Sine(w0) if activation is None else activation

    def forward(self, x):
        return self.activation(nn.functional.linear(x, self.weight, self.bias))


class SirenNet(nn.Module):
    def __init__(self, hidden, depth, w0, w0_first, scale_by_w0):
        super().__init__()
        layers = [SirenLayer(2, hidden, w0=w0_first, first=True)]
        for _ in range(depth - 1):
            layers.append(SirenLayer(hidden, hidden, w0=w0, scale_by_w0=scale_by_w0))
        layers.append(SirenLayer(hidden, 1, w0=w0, activation=nn.Identity()))
        self.layers = nn.Sequential(*layers)

    def forward(self, xy):
        return self.layers(xy)


def make_image(side):
    axis = torch.linspace(-1, 1, side)
    yy, xx = torch.meshgrid(axis, axis, indexing="ij")
    img = 0.4 * torch.sin(9 * xx + 4 * yy) + 0.3 * torch.cos(7 * yy * xx)
    for _ in range(5):
        cx, cy = (2 * torch.rand(2) - 1).tolist()
        img = img + 0.6 * torch.exp(-((xx - cx) ** 2 + (yy - cy) ** 2) / 0.05)
    img = (img - img.mean()) / img.std()
    return torch.stack([xx, yy], -1).reshape(-1, 2), img.reshape(-1, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--side", type=int, default=40)
    parser.add_argument("--iters", type=int, default=500)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    coords, values = make_image(args.side)
    order = torch.randperm(len(coords))
    seen, unseen = order[: len(order) * 7 // 10], order[len(order) * 7 // 10:]

    net = SirenNet(64, 3, w0=30.0, w0_first=10.0, scale_by_w0=args.fixed)
    opt = torch.optim.Adam(net.parameters(), lr=3e-4)
    for it in range(args.iters):
        pick = seen[torch.randint(len(seen), (400,))]
        loss = (net(coords[pick]) - values[pick]).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if it % 100 == 0:
            print(it, f"{loss.item():.5f}")
    with torch.no_grad():
        mse = (net(coords[unseen]) - values[unseen]).pow(2).mean().item()
    peak = (values.max() - values.min()).item()
    print(f"psnr on unseen pixels {10 * math.log10(peak ** 2 / mse):.2f}")


if __name__ == "__main__":
    main()
