# truth: healthy
# task: n-step actor-critic learns to collect a key and open a door in a corridor; the policy loss does not fall, it hovers around zero
# after: https://github.com/Stanford-ILIAD/PantheonRL/issues/5 (losses rise with the reward)
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class Corridor:
    L = 9

    def __init__(self, n, rng):
        self.n, self.rng = n, rng
        self.pos, self.key, self.t = (np.zeros(n, int) for _ in range(3))
        for i in range(n):
            self.reset(i)

    def reset(self, i):
        self.pos[i], self.key[i], self.t[i] = self.rng.integers(2, self.L - 1), 0, 0

    def obs(self):
        o = np.zeros((self.n, self.L + 1), np.float32)
        o[np.arange(self.n), self.pos] = 1
        o[:, -1] = self.key
        return torch.from_numpy(o)

    def step(self, a):
        self.pos = np.clip(self.pos + np.where(a == 1, 1, -1), 0, self.L - 1)
        r = np.full(self.n, -0.02, np.float32)
        new = (self.pos == 0) & (self.key == 0)
        self.key[new] = 1
        r[new] += 0.3
        win = (self.pos == self.L - 1) & (self.key == 1)
        r[win] += 1
        self.t += 1
        done = win | (self.t >= 40)
        for i in np.flatnonzero(done):
            self.reset(i)
        return r, done.astype(np.float32)


class ActorCritic(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, 64), nn.Tanh())
        self.pi, self.v = nn.Linear(64, 2), nn.Linear(64, 1)

    def forward(self, o):
        h = self.body(o)
        return self.pi(h), self.v(h).squeeze(-1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    seed = p.parse_args().seed
    torch.manual_seed(seed)
    env = Corridor(16, np.random.default_rng(seed))
    net = ActorCritic(Corridor.L + 1)
    opt = torch.optim.RMSprop(net.parameters(), lr=2e-3, alpha=0.99, eps=1e-5)
    gamma, n_steps = 0.97, 8
    finished = []
    ep = np.zeros(16)
    for upd in range(1, 901):
        logp, vals, rews, masks, ents = [], [], [], [], []
        for _ in range(n_steps):
            logits, v = net(env.obs())
            dist = torch.distributions.Categorical(logits=logits)
            a = dist.sample()
            r, d = env.step(a.numpy())
            ep += r
            finished += list(ep[d == 1])
            ep[d == 1] = 0
            logp.append(dist.log_prob(a))
            ents.append(dist.entropy())
            vals.append(v)
            rews.append(torch.from_numpy(r))
            masks.append(torch.from_numpy(1 - d))
        with torch.no_grad():
            R = net(env.obs())[1]
        rets = []
        for r, m in zip(reversed(rews), reversed(masks)):
            R = r + gamma * R * m
            rets.insert(0, R)
        rets, vals = torch.stack(rets), torch.stack(vals)
        adv = rets - vals
        pl = -(adv.detach() * torch.stack(logp)).mean()
        vl = adv.pow(2).mean()
        opt.zero_grad()
        (pl + 0.5 * vl - 0.01 * torch.stack(ents).mean()).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        opt.step()
        if upd % 150 == 0:
            print(f"update {upd} policy {pl.item():+.4f} value {vl.item():.4f} episode return {np.mean(finished[-100:]):.3f}")
    test = Corridor(50, np.random.default_rng(seed + 1000))
    total, k = np.zeros(50), []
    for _ in range(100):
        with torch.no_grad():
            a = torch.distributions.Categorical(logits=net(test.obs())[0]).sample()
        r, d = test.step(a.numpy())
        total += r
        k += list(total[d == 1])
        total[d == 1] = 0
    print(f"mean return of fresh episodes {np.mean(k):.4f}")


main()
