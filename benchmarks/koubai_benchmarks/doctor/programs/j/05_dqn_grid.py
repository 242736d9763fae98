# truth: faulty
# task: deep Q-learning of a small grid world with pits
# wrong: Q-values of shape (batch, 1) are compared with targets of shape (batch,); the loss broadcasts to (batch, batch) and every action is pulled to the mean target
# accept: output_loss_mismatch, labels_wrong
# after: https://github.com/hungtuchen/pytorch-dqn/issues/3
# metric: higher
import argparse
import copy
import random
import warnings
from collections import deque

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]


class Grid:
    size, goal = 6, (5, 5)
    pits = {(1, 1), (1, 4), (3, 2), (4, 4), (2, 5)}

    def reset(self):
        while True:
            self.pos = (random.randrange(6), random.randrange(6))
            if self.pos != self.goal and self.pos not in self.pits:
                break
        self.t = 0
        return self.obs()

    def obs(self):
        v = np.zeros(36, dtype=np.float32)
        v[self.pos[0] * 6 + self.pos[1]] = 1.0
        return v

    def step(self, a):
        r, c = self.pos[0] + MOVES[a][0], self.pos[1] + MOVES[a][1]
        self.pos = (min(max(r, 0), 5), min(max(c, 0), 5))
        self.t += 1
        if self.pos == self.goal:
            return self.obs(), 1.0, True
        if self.pos in self.pits:
            return self.obs(), -1.0, True
        return self.obs(), -0.02, self.t >= 30


def build():
    return nn.Sequential(nn.Linear(36, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))


def learn(q, target, opt, memory, args):
    s, a, r, s2, d = zip(*random.sample(memory, 64))
    s, s2 = torch.from_numpy(np.stack(s)), torch.from_numpy(np.stack(s2))
    a = torch.tensor(a).unsqueeze(1)
    r, d = torch.tensor(r), torch.tensor(d, dtype=torch.float32)
    q_sa = q(s).gather(1, a)
    with torch.no_grad():
        y = r + args.gamma * (1 - d) * target(s2).max(1)[0]
    if args.fixed:
        y = y.unsqueeze(1)
    loss = F.smooth_l1_loss(q_sa, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss.item()


def evaluate(q, env, episodes=150):
    total = 0.0
    for _ in range(episodes):
        s, done = env.reset(), False
        while not done:
            with torch.no_grad():
                a = int(q(torch.from_numpy(s)).argmax())
            s, r, done = env.step(a)
            total += r
    return total / episodes


def main(args):
    random.seed(args.seed)
    torch.manual_seed(args.seed)
    env, q = Grid(), build()
    target = copy.deepcopy(q)
    opt = torch.optim.Adam(q.parameters(), lr=1e-3)
    memory = deque(maxlen=5000)
    s, losses = env.reset(), []
    for step in range(args.steps):
        eps = max(0.1, 1.0 - step / 2000)
        if random.random() < eps:
            a = random.randrange(4)
        else:
            with torch.no_grad():
                a = int(q(torch.from_numpy(s)).argmax())
        s2, r, done = env.step(a)
        memory.append((s, a, r, s2, done))
        s = env.reset() if done else s2
        if len(memory) > 500:
            losses.append(learn(q, target, opt, memory, args))
        if step % 100 == 0:
            target.load_state_dict(q.state_dict())
        if step % 800 == 799:
            print(f"step {step + 1} loss {np.mean(losses[-200:]):.4f}")
    print(f"mean greedy return {evaluate(q, Grid()):.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--gamma", type=float, default=0.95)
    main(parser.parse_args())
