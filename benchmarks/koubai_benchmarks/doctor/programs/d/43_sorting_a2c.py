# truth: faulty
# task: actor-critic that learns which of sixteen bins each parcel belongs to
# wrong: the entropy is added to the loss instead of subtracted, so the policy is pushed to be certain before it knows anything
# accept: none
# after: https://github.com/google-deepmind/open_spiel/issues/962
# metric: higher
import argparse
from dataclasses import dataclass

import torch
import torch.nn as nn
from torch.distributions import Categorical


@dataclass
class Config:
    n_bins: int = 16
    n_obs: int = 12
    envs: int = 64
    horizon: int = 5
    updates: int = 700
    gamma: float = 0.9
    lr: float = 3e-3
    ent_coef: float = 0.3
    vf_coef: float = 0.5


class ParcelLine:
    """Every parcel is seen as a noisy feature vector; reward 1 for the right bin, 0 otherwise."""

    def __init__(self, cfg, gen):
        self.cfg, self.gen = cfg, gen
        self.centres = torch.randn(cfg.n_bins, cfg.n_obs, generator=gen)

    def observe(self, n):
        self.kind = torch.randint(0, self.cfg.n_bins, (n,), generator=self.gen)
        return self.centres[self.kind] + 0.3 * torch.randn(n, self.cfg.n_obs, generator=self.gen)

    def act(self, action):
        return (action == self.kind).float()


class ActorCritic(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(cfg.n_obs, 48), nn.Tanh())
        self.policy = nn.Linear(48, cfg.n_bins)
        self.value = nn.Linear(48, 1)

    def forward(self, obs):
        h = self.trunk(obs)
        return Categorical(logits=self.policy(h)), self.value(h).squeeze(-1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--fixed", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    cfg = Config()
    env = ParcelLine(cfg, torch.Generator().manual_seed(a.seed + 100))
    net = ActorCritic(cfg)
    opt = torch.optim.RMSprop(net.parameters(), lr=cfg.lr)
    recent = []
    for update in range(1, cfg.updates + 1):
        logps, values, ents, rewards = [], [], [], []
        for _ in range(cfg.horizon):
            pi, v = net(env.observe(cfg.envs))
            action = pi.sample()
            rewards.append(env.act(action))
            logps.append(pi.log_prob(action))
            values.append(v)
            ents.append(pi.entropy())
        reward, value = torch.stack(rewards), torch.stack(values)
        advantage = reward - value.detach()
        policy_loss = -(torch.stack(logps) * advantage).mean()
        value_loss = (value - reward).pow(2).mean()
        entropy_loss = cfg.ent_coef * torch.stack(ents).mean()
        if a.fixed:
            entropy_loss = -entropy_loss
        loss = policy_loss + cfg.vf_coef * value_loss + entropy_loss
        opt.zero_grad()
        loss.backward()
        opt.step()
        recent.append(reward.mean().item())
        if update % 100 == 0:
            print(f"update {update}  mean reward {sum(recent[-100:]) / 100:.3f}")

    with torch.no_grad():
        pi, _ = net(env.observe(2000))
        print("greedy reward on new parcels", env.act(pi.probs.argmax(-1)).mean().item())


if __name__ == "__main__":
    main()
