# truth: healthy
# task: advantage actor-critic that balances a pole (own simulation); its loss has no reason to fall
# after: https://discuss.pytorch.org/t/making-sense-of-reinforce-math/17900
# metric: higher
import argparse
import math

import torch
import torch.nn as nn
from torch.distributions import Categorical


class Poles:
    """n poles on carts, stepped together; a fallen pole is set up again."""

    def __init__(self, n, limit=200):
        self.n, self.limit = n, limit
        self.state = self.fresh(n)
        self.age = torch.zeros(n)

    @staticmethod
    def fresh(n):
        return (torch.rand(n, 4) - 0.5) * 0.1

    def step(self, action):
        x, v, th, om = self.state.unbind(1)
        force = torch.where(action == 1, 10.0, -10.0)
        sin, cos = th.sin(), th.cos()
        tmp = (force + 0.05 * om ** 2 * sin) / 1.1
        acc_th = (9.8 * sin - cos * tmp) / (0.5 * (4 / 3 - 0.1 * cos ** 2 / 1.1))
        acc_x = tmp - 0.05 * acc_th * cos / 1.1
        dt = 0.02
        self.state = torch.stack([x + dt * v, v + dt * acc_x, th + dt * om, om + dt * acc_th], 1)
        self.age += 1
        fell = (self.state[:, 0].abs() > 2.4) | (self.state[:, 2].abs() > 12 * math.pi / 180)
        timeout = self.age >= self.limit
        over = fell | timeout
        finished = self.age[over].clone()
        self.state = torch.where(over[:, None], self.fresh(self.n), self.state)
        self.age = torch.where(over, torch.zeros(self.n), self.age)
        return self.state, fell, over, finished


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 2))
        self.critic = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 1))

    def forward(self, s):
        s = s * torch.tensor([1.0, 1.0, 8.0, 1.0])
        return Categorical(logits=self.actor(s)), self.critic(s).squeeze(1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gamma, horizon = 0.98, 10
    env, net = Poles(32), ActorCritic()
    opt = torch.optim.Adam(net.parameters(), lr=4e-3)
    s, lengths = env.state, []
    for update in range(1, 401):
        logps, values, dones, ents = [], [], [], []
        for _ in range(horizon):
            dist, value = net(s)
            a = dist.sample()
            s, fell, over, finished = env.step(a)
            lengths += finished.tolist()
            logps.append(dist.log_prob(a))
            values.append(value)
            ents.append(dist.entropy())
            dones.append((fell, over))
        with torch.no_grad():
            ret = net(s)[1]
        rets = []
        for fell, over in reversed(dones):
            # reward is 0 while standing, -1 for a fall
            ret = torch.where(fell, torch.tensor(-1.0), torch.where(over, torch.tensor(0.0), gamma * ret))
            rets.insert(0, ret)
        rets, values, logps = torch.stack(rets), torch.stack(values), torch.stack(logps)
        adv = (rets - values).detach()
        adv = (adv - adv.mean()) / (adv.std() + 1e-6)
        loss = -(logps * adv).mean() + 0.5 * (values - rets).pow(2).mean() - 0.005 * torch.stack(ents).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if update % 80 == 0:
            print(f"update {update} loss {loss.item():+.4f} recent length {sum(lengths[-40:]) / len(lengths[-40:]):.1f}")

    test, done = Poles(40), []
    s = test.state
    with torch.no_grad():
        while len(done) < 40:
            s, _, _, finished = test.step(net(s)[0].probs.argmax(1))
            done += finished.tolist()
    print("mean length of test episodes", round(sum(done[:40]) / 40, 1))


main()
