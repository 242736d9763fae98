# truth: faulty
# task: DQN with a target network balances a pole
# wrong: the TD target bootstraps through the end of the episode (no (1 - done) factor), every state is worth the same
# accept: none
# after: https://codefrydev.in/Reinforcement/curriculum/volume-03/chapter-03 ("when done=1, target = r") and https://github.com/vy007vikas/PyTorch-ActorCriticRL/pull/8
# metric: higher
import argparse
import math
import random
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

FIXED = "--fixed" in sys.argv


class Pole:
    """Cart and pole after Barto, Sutton and Anderson, at most 200 steps."""

    def __init__(self, rng):
        self.rng = rng

    def reset(self):
        self.s = self.rng.uniform(-0.05, 0.05, 4)
        self.t = 0
        return self.s.astype(np.float32)

    def step(self, a):
        x, xd, th, thd = self.s
        force = 10.0 if a == 1 else -10.0
        c, s = math.cos(th), math.sin(th)
        tmp = (force + 0.05 * thd ** 2 * s) / 1.1
        tha = (9.8 * s - c * tmp) / (0.5 * (4 / 3 - 0.1 * c * c / 1.1))
        xa = tmp - 0.05 * tha * c / 1.1
        self.s = np.array([x + 0.02 * xd, xd + 0.02 * xa, th + 0.02 * thd, thd + 0.02 * tha])
        self.t += 1
        fell = abs(self.s[0]) > 2.4 or abs(self.s[2]) > 0.2095
        return self.s.astype(np.float32), 1.0, fell, self.t >= 200


class QNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, s):
        return self.net(s)


class Replay:
    def __init__(self, cap):
        self.s, self.s2 = np.zeros((cap, 4), np.float32), np.zeros((cap, 4), np.float32)
        self.a, self.r, self.d = np.zeros(cap, np.int64), np.zeros(cap, np.float32), np.zeros(cap, np.float32)
        self.n, self.cap = 0, cap

    def push(self, s, a, r, s2, d):
        i = self.n % self.cap
        self.s[i], self.a[i], self.r[i], self.s2[i], self.d[i] = s, a, r, s2, d
        self.n += 1

    def sample(self, k, rng):
        i = rng.integers(0, min(self.n, self.cap), k)
        return [torch.from_numpy(z[i]) for z in (self.s, self.a, self.r, self.s2, self.d)]


def evaluate(q, seed, episodes=10):
    env, total = Pole(np.random.default_rng(seed)), 0
    for _ in range(episodes):
        s, over = env.reset(), False
        while not over:
            with torch.no_grad():
                a = q(torch.from_numpy(s)).argmax().item()
            s, r, fell, late = env.step(a)
            over = fell or late
            total += r
    return total / episodes


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--frames", type=int, default=5500)
    args = ap.parse_args()
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    env, buf = Pole(rng), Replay(10000)
    q, target = QNet(), QNet()
    target.load_state_dict(q.state_dict())
    opt = torch.optim.Adam(q.parameters(), lr=2e-3)
    gamma, s, ret, recent = 0.99, env.reset(), 0, []
    for frame in range(args.frames):
        eps = max(0.05, 1.0 - frame / 3000)
        if random.random() < eps:
            a = random.randrange(2)
        else:
            with torch.no_grad():
                a = q(torch.from_numpy(s)).argmax().item()
        s2, r, fell, late = env.step(a)
        buf.push(s, a, r, s2, float(fell))
        ret += r
        s = s2
        if fell or late:
            recent.append(ret)
            s, ret = env.reset(), 0
        if frame >= 500 and frame % 2 == 0:
            bs, ba, br, bs2, bd = buf.sample(64, rng)
            with torch.no_grad():
                nxt = target(bs2).max(1).values
                y = br + gamma * nxt * (1 - bd) if FIXED else br + gamma * nxt
            loss = F.smooth_l1_loss(q(bs).gather(1, ba[:, None]).squeeze(1), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
        if frame % 200 == 0:
            target.load_state_dict(q.state_dict())
        if frame % 500 == 0 and frame > 0:
            print(f"frame {frame} eps {eps:.2f} loss {loss.item():.4f} mean return {np.mean(recent[-10:]):.1f}")
    print(f"greedy policy, mean return: {evaluate(q, 77):.1f}")


main()
