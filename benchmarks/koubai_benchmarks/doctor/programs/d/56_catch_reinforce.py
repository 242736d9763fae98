# truth: healthy
# task: REINFORCE on a small falling-ball game; the surrogate loss hovers around zero while the reward rises
# metric: higher
import argparse

import torch
import torch.nn as nn


class Catch:
    """A ball falls through an 8 x 7 board; the paddle at the bottom moves left, stays, or moves right."""

    def __init__(self, n, rows=8, cols=7):
        self.n, self.rows, self.cols = n, rows, cols

    def reset(self):
        self.row = 0
        self.ball = torch.randint(0, self.cols, (self.n,))
        self.paddle = torch.randint(0, self.cols, (self.n,))
        return self.state()

    def state(self):
        onehot = nn.functional.one_hot
        return torch.cat([
            onehot(self.ball, self.cols), onehot(self.paddle, self.cols),
            onehot(torch.full((self.n,), self.row), self.rows),
        ], dim=1).float()

    def step(self, action):
        self.paddle = (self.paddle + action - 1).clamp(0, self.cols - 1)
        self.row += 1
        done = self.row == self.rows - 1
        reward = torch.where(self.ball == self.paddle, 1.0, -1.0) if done else torch.zeros(self.n)
        return self.state(), reward, done


def play(policy, env, greedy=False):
    obs, done, logps = env.reset(), False, []
    while not done:
        dist = torch.distributions.Categorical(logits=policy(obs))
        action = dist.probs.argmax(-1) if greedy else dist.sample()
        logps.append(dist.log_prob(action))
        obs, reward, done = env.step(action)
    return torch.stack(logps), reward


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    policy = nn.Sequential(nn.Linear(22, 64), nn.Tanh(), nn.Linear(64, 3))
    optimizer = torch.optim.Adam(policy.parameters(), lr=5e-3)
    env = Catch(96)
    for episode in range(1, 401):
        logps, ret = play(policy, env)
        advantage = (ret - ret.mean()) / (ret.std() + 1e-6)
        loss = -(logps * advantage).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if episode % 50 == 0:
            print(f"update {episode}: loss {loss.item():+.4f} mean return {ret.mean().item():+.3f}")
    with torch.no_grad():
        _, ret = play(policy, Catch(1000), greedy=True)
    print("mean return of the greedy policy:", ret.mean().item())
