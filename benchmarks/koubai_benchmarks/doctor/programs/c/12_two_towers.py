# truth: faulty
# task: align image and text towers with a contrastive loss (retrieve the caption of an image)
# wrong: the text tower, its trainable projection head included, runs inside torch.no_grad(), so the head never trains
# accept: not_training
# after: https://github.com/edreisMD/ConVIRT-pytorch/issues/7
# metric: higher
import argparse
import contextlib
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

FIXED = "--fixed" in sys.argv
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fixed", action="store_true")
cfg = parser.parse_args()
torch.manual_seed(cfg.seed)
torch.set_num_threads(1)

N_WORDS, SLOTS, PER_SLOT = 40, 4, 10


class World:
    """Scenes of four attributes; the caption lists the attribute words among filler words, in any order."""

    def __init__(self):
        self.render = nn.Sequential(nn.Linear(SLOTS * PER_SLOT, 64), nn.Tanh(), nn.Linear(64, 48))
        self.n_filler = 200

    @torch.no_grad()
    def sample(self, n):
        attr = torch.randint(0, PER_SLOT, (n, SLOTS))
        onehot = F.one_hot(attr, PER_SLOT).flatten(1).float()
        image = self.render(3 * onehot) + 0.05 * torch.randn(n, 48)
        words = attr + torch.arange(SLOTS) * PER_SLOT
        filler = N_WORDS + torch.randint(0, self.n_filler, (n, 8))
        text = torch.cat([words, filler], 1)
        text = torch.gather(text, 1, torch.rand(text.shape).argsort(1))
        return image, text


class ImageTower(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(48, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU())
        self.head = nn.Linear(128, dim)

    def forward(self, image):
        return self.head(self.f(image))


class TextTower(nn.Module):
    def __init__(self, vocab, dim, width=128):
        super().__init__()
        self.words = nn.EmbeddingBag(vocab, width, mode="mean")
        self.words.weight.requires_grad_(False)   # pretrained vectors stay as they are
        self.head = nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, dim))

    def forward(self, ids):
        with contextlib.nullcontext() if FIXED else torch.no_grad():
            return self.head(self.words(ids))


class Aligner(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.image = ImageTower(dim)
        self.text = TextTower(N_WORDS + 200, dim)
        self.log_scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, image, ids):
        a = F.normalize(self.image(image), dim=-1)
        b = F.normalize(self.text(ids), dim=-1)
        return self.log_scale.exp() * a @ b.t()


world = World()
model = Aligner()
opt = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-3)
for step in range(1, 601):
    image, ids = world.sample(64)
    logits = model(image, ids)
    target = torch.arange(64)
    loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.t(), target)) / 2
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 0:
        print(f"step {step:4d}  InfoNCE {loss.item():.4f}")

model.eval()
with torch.no_grad():
    image, ids = world.sample(500)
    top1 = (model(image, ids).argmax(1) == torch.arange(500)).float().mean().item()
print(f"retrieval@1 among 500: {top1:.4f}")
