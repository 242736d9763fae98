# truth: faulty
# task: DQN that keeps an unstable point inside a box (one reward a step)
# wrong: the target bootstraps through the terminal states, done is never used
# accept: none
# after: https://github.com/navneet-nmk/pytorch-rl/issues/2
# metric: higher
import argparse
import copy
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F


class UnstablePoints:
    """n independent points, x'' = 2x + u, u in {-1, 0, 1}; fall off beyond |x| = 1."""

    def __init__(self, n, rng, limit=150):
        self.n, self.rng, self.limit = n, rng, limit
        self.state = np.zeros((n, 2), dtype=np.float32)
        self.age = np.zeros(n, dtype=int)
        self.renew(np.ones(n, dtype=bool))

    def renew(self, which):
        self.state[which] = self.rng.uniform(-0.2, 0.2, (which.sum(), 2))
        self.age[which] = 0

    def step(self, a):
        x, v = self.state[:, 0], self.state[:, 1]
        v = v + 0.1 * (2.0 * x + (a - 1) * 1.5) + self.rng.normal(0, 0.03, self.n)
        x = x + 0.1 * v
        nxt = np.stack([x, v], 1).astype(np.float32)
        self.age += 1
        fell = np.abs(x) > 1
        late = self.age >= self.limit
        self.state = nxt.copy()
        ages = self.age.copy()
        self.renew(fell | late)
        return nxt, np.ones(self.n, dtype=np.float32), fell, late, ages


class Buffer:
    def __init__(self, size):
        self.data = [np.zeros((size, 2), np.float32), np.zeros(size, np.int64), np.zeros(size, np.float32),
                     np.zeros((size, 2), np.float32), np.zeros(size, np.float32)]
        self.size, self.n, self.at = size, 0, 0

    def add(self, *items):
        k = len(items[1])
        idx = (self.at + np.arange(k)) % self.size
        for store, item in zip(self.data, items):
            store[idx] = item
        self.at = (self.at + k) % self.size
        self.n = min(self.n + k, self.size)

    def sample(self, k, rng):
        idx = rng.integers(0, self.n, k)
        return [torch.from_numpy(d[idx]) for d in self.data]


def play(net, rng, n=40):
    env = UnstablePoints(n, rng)
    first = np.zeros(n)
    while (first == 0).any():
        with torch.no_grad():
            a = net(torch.from_numpy(env.state)).argmax(1).numpy()
        _, _, fell, late, ages = env.step(a)
        over = (fell | late) & (first == 0)
        first[over] = ages[over]
    return first.mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--gamma", type=float, default=0.97)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    net = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    target = copy.deepcopy(net)
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    env, memory = UnstablePoints(8, rng), Buffer(20000)
    for step in range(2500):
        eps = max(0.05, 1 - step / 1000)
        s = env.state.copy()
        with torch.no_grad():
            a = net(torch.from_numpy(s)).argmax(1).numpy()
        a = np.where(rng.random(8) < eps, rng.integers(0, 3, 8), a)
        nxt, r, fell, _, _ = env.step(a)
        memory.add(s, a, r, nxt, fell.astype(np.float32))
        if step < 50:
            continue
        bs, ba, br, bn, bd = memory.sample(64, rng)
        with torch.no_grad():
            best = target(bn).max(1).values
            if args.fixed:
                best = best * (1 - bd)
            y = br + args.gamma * best
        q = net(bs).gather(1, ba[:, None]).squeeze(1)
        loss = F.smooth_l1_loss(q, y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            target.load_state_dict(net.state_dict())
        if step % 500 == 0:
            print(f"step {step} loss {loss.item():.4f} mean q {q.mean().item():.2f}")
    print(f"mean length of an episode {play(net, rng):.3f}")


if __name__ == "__main__":
    main()
