# truth: faulty
# task: spoken-word-like tones, classified from their log spectrogram by a small 1-d convolution
# wrong: clips are padded with digital silence and log(0) = -inf gets into the features
# accept: data_not_finite, not_finite
# after: https://github.com/KimythAnly/AGAIN-VC/issues/5
# metric: higher
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import Dataset, DataLoader

RATE, CLIP, WORDS = 4000, 2400, 6


def say(word, rng):
    """a word is a pair of gliding tones"""
    n = rng.integers(1400, CLIP + 1)
    t = np.arange(n) / RATE
    base = 300 + 120 * (word % 3) + rng.normal(0, 15)
    glide = (300, -200)[word // 3] * (1 + rng.normal(0, 0.1))
    wave = np.sin(2 * np.pi * (base * t + 0.5 * glide * t ** 2))
    wave += 0.5 * np.sin(2 * np.pi * (2.5 * base * t - glide * t ** 2))
    return (wave * np.hanning(n) + rng.normal(0, 0.3, n)).astype(np.float32)


class Words(Dataset):
    def __init__(self, n, seed, floor):
        rng = np.random.default_rng(seed)
        window = torch.hann_window(128)
        self.items = []
        for i in range(n):
            word = int(rng.integers(WORDS))
            clip = torch.zeros(CLIP)
            wave = torch.from_numpy(say(word, rng))
            clip[:len(wave)] = wave
            spec = torch.stft(clip, 128, hop_length=64, window=window, center=False, return_complex=True).abs() ** 2
            self.items.append((torch.log(spec + floor), word))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        x, y = self.items[i]
        return x, y


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(65)
        self.c1 = nn.Conv1d(65, 32, 5, padding=2)
        self.c2 = nn.Conv1d(32, 32, 5, padding=2)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(32, WORDS)

    def forward(self, x):
        x = self.norm(x)
        x = F.max_pool1d(F.relu(self.c1(x)), 2)
        x = F.relu(self.c2(x)).mean(2)
        return self.fc(self.drop(x))


def run():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    floor = 1e-5 if args.fixed else 0.0
    train = DataLoader(Words(700, args.seed, floor), batch_size=32, shuffle=True)
    test = DataLoader(Words(400, args.seed + 100, floor), batch_size=100)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(10):
        net.train()
        losses = []
        for x, y in train:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print("epoch %d loss %.4f" % (epoch, np.mean(losses)))
    net.eval()
    correct = 0
    with torch.no_grad():
        for x, y in test:
            correct += (net(x).argmax(1) == y).sum().item()
    print("test accuracy %.4f" % (correct / len(test.dataset)))


run()
