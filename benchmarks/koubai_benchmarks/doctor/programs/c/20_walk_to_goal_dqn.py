# truth: faulty
# task: DQN agent on a line of 700 cells that must reach cell 450 or 475 by moves of 25 or 50
# wrong: the position (0 to 700) goes into the net as it is; scaled to about -1..1 the same agent learns
# accept: data_not_normalized
# after: Stack Overflow "Reinforcement Learning Simple Problem: Agent Not Learning, Wrong Action"
# metric: higher
import argparse
import random
import sys
from collections import deque

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

FIXED = "--fixed" in sys.argv
ACTIONS = [-50, -25, 0, 25, 50]
GOALS = (450, 475)


class LineEnv:
    max_steps = 20

    def reset(self, start=None):
        self.t = random.randrange(0, 700, 25) if start is None else start
        self.k = 0
        return self.t

    def step(self, a):
        self.k += 1
        self.t = min(max(self.t + ACTIONS[a], 0), 675)
        reached = self.t in GOALS
        return self.t, float(reached), reached, reached or self.k >= self.max_steps


class QNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(1, 128)
        self.l2 = nn.Linear(128, 64)
        self.l3 = nn.Linear(64, len(ACTIONS))

    def forward(self, x):
        if FIXED:
            x = (x - 337.5) / 200.0
        return self.l3(F.relu(self.l2(F.relu(self.l1(x)))))


class Agent:
    def __init__(self, lr=2e-3, gamma=0.9):
        self.q, self.target = QNet(), QNet()
        self.target.load_state_dict(self.q.state_dict())
        self.optimizer = torch.optim.Adam(self.q.parameters(), lr=lr)
        self.memory = deque(maxlen=5000)
        self.gamma, self.updates = gamma, 0

    def act(self, s, eps):
        if random.random() < eps:
            return random.randrange(len(ACTIONS))
        with torch.no_grad():
            return self.q(torch.tensor([[float(s)]])).argmax().item()

    def learn(self, size=64):
        batch = random.sample(self.memory, size)
        s, a, r, s2, done = map(np.array, zip(*batch))
        s = torch.tensor(s, dtype=torch.float32).unsqueeze(1)
        s2 = torch.tensor(s2, dtype=torch.float32).unsqueeze(1)
        a = torch.tensor(a).unsqueeze(1)
        with torch.no_grad():
            best = self.target(s2).max(1).values
            y = torch.tensor(r, dtype=torch.float32) + self.gamma * best * (1 - torch.tensor(done, dtype=torch.float32))
        loss = F.smooth_l1_loss(self.q(s).gather(1, a).squeeze(1), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.updates += 1
        if self.updates % 50 == 0:
            self.target.load_state_dict(self.q.state_dict())
        return loss.item()


def evaluate(agent, env):
    wins, starts = 0, list(range(0, 700, 25))
    for start in starts:
        s, over = env.reset(start), False
        while not over:
            s, _, reached, over = env.step(agent.act(s, 0.0))
        wins += reached
    return wins / len(starts)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    args = ap.parse_args()
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    env, agent = LineEnv(), Agent()
    losses = []
    for episode in range(1, 301):
        eps = max(0.15, 0.9 * 0.985 ** episode)
        s, over, step = env.reset(), False, 0
        while not over:
            a = agent.act(s, eps)
            s2, r, reached, over = env.step(a)
            agent.memory.append((s, a, r, s2, float(reached)))
            s = s2
            step += 1
            if len(agent.memory) > 300 and step % 2 == 0:
                losses.append(agent.learn())
        if episode % 60 == 0:
            print(f"episode {episode}  eps {eps:.2f}  loss {np.mean(losses[-200:]):.5f}  updates {agent.updates}")
    print("share of starts from which the goal is reached:", round(evaluate(agent, env), 4))


if __name__ == "__main__":
    main()
