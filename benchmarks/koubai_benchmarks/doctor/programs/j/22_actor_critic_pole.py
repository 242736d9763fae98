# truth: healthy
# task: advantage actor-critic balances a pole on a cart (own simulation), many carts at once
# after: https://github.com/ikostrikov/pytorch-a2c-ppo-acktr-gail
# metric: higher
import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Categorical

torch.set_num_threads(1)


class Carts:
    def __init__(self, n, limit=200):
        self.n, self.limit = n, limit
        self.state = torch.zeros(n, 4)
        self.age = torch.zeros(n)

    def restart(self, which):
        k = int(which.sum())
        self.state[which] = 0.1 * torch.rand(k, 4) - 0.05
        self.age[which] = 0

    def reset(self):
        self.restart(torch.ones(self.n, dtype=torch.bool))
        return self.state.clone()

    def step(self, action):
        x, v, th, w = self.state.unbind(1)
        force = torch.where(action == 1, 10.0, -10.0)
        temp = (force + 0.05 * w ** 2 * th.sin()) / 1.1
        acc_th = (9.8 * th.sin() - th.cos() * temp) / (0.5 * (4.0 / 3.0 - 0.1 * th.cos() ** 2 / 1.1))
        acc_x = temp - 0.05 * acc_th * th.cos() / 1.1
        self.state = torch.stack([x + 0.02 * v, v + 0.02 * acc_x, th + 0.02 * w, w + 0.02 * acc_th], 1)
        self.age += 1
        fallen = (self.state[:, 0].abs() > 2.4) | (self.state[:, 2].abs() > 12 * math.pi / 180)
        finished = fallen | (self.age >= self.limit)
        ages = self.age[finished].clone()
        self.restart(finished)
        return self.state.clone(), torch.ones(self.n), finished, ages


class ActorCritic(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 2))
        self.critic = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 1))
        self.register_buffer("scale", torch.tensor([1.0, 1.0, 5.0, 1.0]))

    def forward(self, s):
        s = s * self.scale
        return Categorical(logits=self.actor(s)), 20.0 * self.critic(s).squeeze(-1)


def train(net, env, args):
    opt = torch.optim.Adam(net.parameters(), lr=args.lr)
    s = env.reset()
    rate = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.05, args.updates)
    recent = []
    for update in range(args.updates):
        logps, values, rewards, masks, ents = [], [], [], [], []
        for _ in range(args.horizon):
            dist, value = net(s)
            a = dist.sample()
            s, r, done, ages = env.step(a)
            recent += ages.tolist()
            logps.append(dist.log_prob(a))
            ents.append(dist.entropy())
            values.append(value)
            rewards.append(r)
            masks.append(1.0 - done.float())
        with torch.no_grad():
            ret = net(s)[1]
        returns = []
        for r, m in zip(reversed(rewards), reversed(masks)):
            ret = r + args.gamma * ret * m
            returns.insert(0, ret)
        returns, values = torch.stack(returns) / 20.0, torch.stack(values) / 20.0
        adv = returns - values.detach()
        policy_loss = -(torch.stack(logps) * (adv - adv.mean()) / (adv.std() + 1e-6)).mean()
        loss = policy_loss + 0.5 * F.mse_loss(values, returns) - 0.002 * torch.stack(ents).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        opt.step()
        rate.step()
        if update % 40 == 39:
            print(f"update {update + 1} loss {loss.item():.3f} episode length {sum(recent[-60:]) / max(1, len(recent[-60:])):.1f}")


@torch.no_grad()
def evaluate(net, n=60):
    env = Carts(n)
    s, alive, length = env.reset(), torch.ones(n, dtype=torch.bool), torch.zeros(n)
    for _ in range(200):
        s, _, done, _ = env.step(net(s)[0].logits.argmax(1))
        length += alive.float()
        alive &= ~done
    return length.mean().item()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--updates", type=int, default=220)
    ap.add_argument("--horizon", type=int, default=20)
    ap.add_argument("--lr", type=float, default=7e-3)
    ap.add_argument("--gamma", type=float, default=0.98)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    net = ActorCritic()
    before = evaluate(net)
    train(net, Carts(64), args)
    print(f"greedy episode length before {before:.1f} after {evaluate(net):.1f}")
