# truth: faulty
# task: denoising diffusion of the two moons (predict the noise)
# wrong: the losses of the 8 micro-batches are not divided by 8, so the summed gradient makes every SGD step eight times too long
# accept: gradients_summed, learning_rate_too_high, exploding_gradient
# after: https://github.com/openai/guided-diffusion/issues/111
# metric: lower
import argparse
import torch as th
import torch.nn as nn
from sklearn.datasets import make_moons


def build_args():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    p.add_argument("--lr", type=float, default=0.2)
    p.add_argument("--steps", type=int, default=500)
    p.add_argument("--batch", type=int, default=512)
    p.add_argument("--microbatch", type=int, default=64)
    return p.parse_args()


class Denoiser(nn.Module):
    def __init__(self, T, hidden=96):
        super().__init__()
        self.T = T
        self.net = nn.Sequential(
            nn.Linear(2 + 6, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2),
        )

    def forward(self, x, t):
        s = t.float()[:, None] / self.T
        emb = th.cat([th.sin(s * k) for k in (1, 4, 16)] + [th.cos(s * k) for k in (1, 4, 16)], dim=1)
        return self.net(th.cat([x, emb], dim=1))


class Diffusion:
    def __init__(self, T=100):
        self.T = T
        betas = th.linspace(1e-4, 0.06, T)
        self.abar = th.cumprod(1 - betas, 0)

    def losses(self, model, x0, t, noise):
        a = self.abar[t][:, None]
        xt = a.sqrt() * x0 + (1 - a).sqrt() * noise
        return ((model(xt, t) - noise) ** 2).mean(dim=1)


class TrainLoop:
    def __init__(self, model, diffusion, data, args):
        self.model, self.diffusion, self.data, self.args = model, diffusion, data, args
        self.opt = th.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

    def forward_backward(self, batch):
        self.opt.zero_grad()
        n_micro = len(batch) // self.args.microbatch
        seen = 0.0
        for micro in batch.split(self.args.microbatch):
            t = th.randint(0, self.diffusion.T, (len(micro),))
            loss = self.diffusion.losses(self.model, micro, t, th.randn_like(micro)).mean()
            seen += loss.item() / n_micro
            if self.args.fixed:
                loss = loss / n_micro
            loss.backward()
        return seen

    def run_loop(self):
        for step in range(self.args.steps):
            idx = th.randint(0, len(self.data), (self.args.batch,))
            loss = self.forward_backward(self.data[idx])
            self.opt.step()
            if step % 50 == 0:
                print(f"step {step} loss {loss:.4f}")


def main():
    args = build_args()
    th.manual_seed(args.seed)
    th.set_num_threads(1)
    points, _ = make_moons(4000, noise=0.05, random_state=args.seed)
    points = th.tensor((points - points.mean(0)) / points.std(0), dtype=th.float32)
    train, test = points[:3000], points[3000:]
    diffusion = Diffusion()
    model = Denoiser(diffusion.T)
    TrainLoop(model, diffusion, train, args).run_loop()
    model.eval()
    with th.no_grad():
        total = 0.0
        for _ in range(20):
            t = th.randint(0, diffusion.T, (len(test),))
            total += diffusion.losses(model, test, t, th.randn_like(test)).mean().item()
    print(f"held-out noise mse {total / 20:.4f}")


if __name__ == "__main__":
    main()
