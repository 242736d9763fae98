# truth: faulty
# task: actor-critic with a Gaussian policy that aims at a moving spot (short episodes)
# wrong: the policy's mean goes through detach().numpy() before the log-probability, no gradient reaches the actor
# accept: not_training
# after: https://discuss.pytorch.org/t/actor-critic-with-multivariate-normal-network-weights-fail-to-update/74548
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.distributions import MultivariateNormal


class Network(nn.Module):
    def __init__(self, lr, n_in, n_hidden, n_out):
        super().__init__()
        self.fc1 = nn.Linear(n_in, n_hidden)
        self.fc2 = nn.Linear(n_hidden, n_hidden)
        self.fc3 = nn.Linear(n_hidden, n_out)
        self.optimizer = optim.Adam(self.parameters(), lr=lr)

    def forward(self, x):
        x = torch.tanh(self.fc1(x))
        x = torch.tanh(self.fc2(x))
        return self.fc3(x)


class Spots:
    """The best aim is a smooth function of the place; the spot drifts during the episode."""

    def __init__(self, n, rng):
        self.n, self.rng = n, rng

    def reset(self):
        self.s = self.rng.uniform(-1, 1, (self.n, 2)).astype(np.float32)
        self.t = 0
        return self.s

    def step(self, a):
        best = np.stack([np.sin(2 * self.s[:, 0]), self.s[:, 0] * self.s[:, 1] + 0.5], 1)
        reward = -((a - best) ** 2).sum(1)
        self.s = np.clip(self.s + self.rng.normal(0, 0.1, self.s.shape), -1, 1).astype(np.float32)
        self.t += 1
        return self.s, reward.astype(np.float32), self.t >= 5


class Agent:
    def __init__(self, fixed, gamma=0.5):
        self.gamma = gamma
        self.fixed = fixed
        self.actor = Network(2e-3, 2, 32, 2)
        self.critic = Network(5e-3, 2, 32, 1)
        self.cov = 0.09 * torch.eye(2)
        self.log_probs = None

    def choose_action(self, state):
        mu = torch.sigmoid(self.actor(torch.from_numpy(state))) * 3 - 1.5
        if not self.fixed:
            mu = torch.FloatTensor(mu.detach().numpy())
        dist = MultivariateNormal(mu, self.cov)
        action = dist.sample()
        self.log_probs = dist.log_prob(action)
        return action.numpy()

    def learn(self, state, reward, new_state, done):
        self.actor.optimizer.zero_grad()
        self.critic.optimizer.zero_grad()
        value = self.critic(torch.from_numpy(state)).squeeze(-1)
        value_ = self.critic(torch.from_numpy(new_state)).squeeze(-1).detach()
        delta = torch.from_numpy(reward) + self.gamma * value_ * (1 - int(done)) - value
        actor_loss = (-self.log_probs * delta.detach()).mean()
        critic_loss = (delta ** 2).mean()
        (actor_loss + critic_loss).backward()
        self.actor.optimizer.step()
        self.critic.optimizer.step()


parser = argparse.ArgumentParser()
parser.add_argument('--seed', type=int, default=0)
parser.add_argument('--fixed', action='store_true')
args = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(args.seed)
env = Spots(32, np.random.default_rng(args.seed))
agent = Agent(args.fixed)
scores = []
for episode in range(260):
    s, done, score = env.reset(), False, 0.0
    while not done:
        a = agent.choose_action(s)
        s_, r, done = env.step(a)
        agent.learn(s, r, s_, done)
        s = s_
        score += r.mean()
    scores.append(score)
    if episode % 40 == 0:
        print('episode', episode, 'score %.3f' % score)

final = []
for _ in range(20):
    s, done, score = env.reset(), False, 0.0
    while not done:
        with torch.no_grad():
            a = agent.choose_action(s)
        s, r, done = env.step(a)
        score += r.mean()
    final.append(score)
print('average return over 20 fresh episodes %.4f' % np.mean(final))
