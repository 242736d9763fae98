# truth: healthy
# task: REINFORCE with a learned baseline and an entropy bonus on a key-and-door corridor
# after: https://github.com/udacity/deep-reinforcement-learning/issues/42
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical

N, LIMIT = 7, 24


class Corridors:
    """n copies: fetch the key at the left end, then walk to the door at the right end."""

    def __init__(self, n, rng):
        self.n, self.rng = n, rng

    def reset(self):
        self.pos = self.rng.integers(1, N - 1, self.n)
        self.key = np.zeros(self.n, dtype=bool)
        self.over = np.zeros(self.n, dtype=bool)
        return self.obs()

    def obs(self):
        x = np.zeros((self.n, N + 1), dtype=np.float32)
        x[np.arange(self.n), self.pos] = 1
        x[:, N] = self.key
        return torch.from_numpy(x)

    def step(self, a):
        alive = ~self.over
        self.pos = np.where(alive, np.clip(self.pos + np.where(a == 1, 1, -1), 0, N - 1), self.pos)
        got = alive & ~self.key & (self.pos == 0)
        self.key |= got
        won = alive & self.key & (self.pos == N - 1)
        reward = -0.02 * alive + 0.3 * got + 1.0 * won
        self.over |= won
        return self.obs(), torch.tensor(reward, dtype=torch.float32), torch.tensor(alive, dtype=torch.float32)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(N + 1, 48), nn.Tanh())
        self.pi = nn.Linear(48, 2)
        self.baseline = nn.Linear(48, 1)

    def forward(self, x):
        h = self.body(x)
        return Categorical(logits=self.pi(h)), self.baseline(h).squeeze(-1)


def rollout(env, policy):
    obs, logps, values, rewards, masks, entropies = env.reset(), [], [], [], [], []
    for _ in range(LIMIT):
        dist, value = policy(obs)
        action = dist.sample()
        obs, reward, alive = env.step(action.numpy())
        logps.append(dist.log_prob(action))
        entropies.append(dist.entropy())
        values.append(value)
        rewards.append(reward)
        masks.append(alive)
    return [torch.stack(v) for v in (logps, values, rewards, masks, entropies)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--updates", type=int, default=260)
    parser.add_argument("--gamma", type=float, default=0.97)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    env = Corridors(24, np.random.default_rng(args.seed))
    policy = Policy()
    optimizer = torch.optim.Adam(policy.parameters(), lr=5e-3)
    for u in range(args.updates):
        logp, value, reward, mask, entropy = rollout(env, policy)
        returns, running = torch.zeros_like(reward), torch.zeros(reward.shape[1])
        for t in reversed(range(LIMIT)):
            running = reward[t] + args.gamma * running
            returns[t] = running
        advantage = (returns - value).detach()
        policy_loss = -(logp * advantage * mask).sum() / mask.sum()
        value_loss = ((returns - value) ** 2 * mask).sum() / mask.sum()
        loss = policy_loss + 0.5 * value_loss - 0.01 * (entropy * mask).sum() / mask.sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        if u % 40 == 0:
            print(f"update {u} loss {loss.item():+.4f} return {reward.sum(0).mean().item():.3f}")
    scores = []
    with torch.no_grad():
        for _ in range(10):
            scores.append(rollout(env, policy)[2].sum(0).mean().item())
    print(f"mean return of fresh episodes {np.mean(scores):.4f}")


if __name__ == "__main__":
    main()
