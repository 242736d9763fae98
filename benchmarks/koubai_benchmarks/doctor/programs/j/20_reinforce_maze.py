# truth: faulty
# task: REINFORCE finds the exit of a small maze, one reward at the exit
# wrong: the return of a step is its own reward times gamma to the step number; later rewards are not summed, so only the last action is credited
# accept: none
# after: https://github.com/hunkim/ReinforcementZeroToAll/issues/1
# metric: higher
import argparse

import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.set_num_threads(1)
LAYOUT = ["......#",
          ".####..",
          "....#.#",
          ".##.#..",
          ".#..##.",
          ".#.#..E"]
ROWS, COLS = len(LAYOUT), len(LAYOUT[0])
FREE = [(r, c) for r in range(ROWS) for c in range(COLS) if LAYOUT[r][c] == "."]
MOVES = torch.tensor([[-1, 0], [1, 0], [0, -1], [0, 1]])
WALL = torch.tensor([[ch == "#" for ch in row] for row in LAYOUT])
EXIT = torch.tensor([ROWS - 1, COLS - 1])


class Maze:
    """Many mazes side by side; an episode that is over stays where it is."""

    def __init__(self, n, horizon=32):
        self.n, self.horizon = n, horizon

    def reset(self):
        self.pos = torch.tensor(FREE)[torch.randint(len(FREE), (self.n,))]
        self.done = torch.zeros(self.n, dtype=torch.bool)
        return self.observe()

    def observe(self):
        flat = self.pos[:, 0] * COLS + self.pos[:, 1]
        return nn.functional.one_hot(flat, ROWS * COLS).float()

    def step(self, action):
        new = self.pos + MOVES[action]
        inside = (new >= 0).all(1) & (new[:, 0] < ROWS) & (new[:, 1] < COLS)
        new = torch.where(inside[:, None], new, self.pos)
        new = torch.where(WALL[new[:, 0], new[:, 1]][:, None], self.pos, new)
        alive = ~self.done
        self.pos = torch.where(alive[:, None], new, self.pos)
        at_exit = (self.pos == EXIT).all(1)
        reward = (at_exit & alive).float()
        self.done = self.done | at_exit
        return self.observe(), reward, alive.float()


def discount(rewards, gamma, to_go):
    out = torch.zeros_like(rewards)
    if not to_go:
        for t in range(len(rewards)):
            out[t] = rewards[t] * gamma ** t
        return out
    running = torch.zeros(rewards.size(1))
    for t in reversed(range(len(rewards))):
        running = rewards[t] + gamma * running
        out[t] = running
    return out


def rollout(policy, env):
    obs, logps, rewards, alive, entropy = env.reset(), [], [], [], []
    for _ in range(env.horizon):
        dist = Categorical(logits=policy(obs))
        a = dist.sample()
        obs, r, live = env.step(a)
        logps.append(dist.log_prob(a))
        entropy.append(dist.entropy())
        rewards.append(r)
        alive.append(live)
    return [torch.stack(v) for v in (logps, rewards, alive, entropy)]


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--updates", type=int, default=150)
    ap.add_argument("--gamma", type=float, default=0.95)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    policy = nn.Sequential(nn.Linear(ROWS * COLS, 48), nn.Tanh(), nn.Linear(48, 4))
    optimizer = torch.optim.Adam(policy.parameters(), lr=2e-2)
    env = Maze(24)
    for update in range(args.updates):
        logp, rew, live, ent = rollout(policy, env)
        ret = discount(rew, args.gamma, to_go=args.fixed)
        mask = live.bool()
        adv = (ret - ret[mask].mean()) / (ret[mask].std() + 1e-6)
        loss = -((logp * adv + 0.01 * ent) * live).sum() / live.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if update % 30 == 0:
            print(f"update {update}: exits {rew.sum(0).mean().item():.3f}, entropy {ent.mean().item():.3f}")
    with torch.no_grad():
        _, rew, _, _ = rollout(policy, Maze(400))
        steps = torch.arange(rew.size(0)).float().unsqueeze(1)
        score = (rew * 0.97 ** steps).sum(0).mean().item()
    print(f"mean discounted return over 400 new episodes: {score:.4f}")
