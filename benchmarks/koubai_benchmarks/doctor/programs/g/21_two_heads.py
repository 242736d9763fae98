# truth: faulty
# task: multi-task network on the digits: which digit, and how much ink
# wrong: optimizer.zero_grad is named but never called, the gradients of all steps add up
# accept: gradients_not_reset
# after: https://discuss.pytorch.org/t/why-do-we-need-to-set-the-gradients-manually-to-zero-in-pytorch/4903
# metric: higher
import argparse
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import TensorDataset, DataLoader, random_split


class MultiTask(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.digit_head = nn.Linear(width, 10)
        self.ink_head = nn.Linear(width, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.digit_head(h), self.ink_head(h).squeeze(-1)


class Trainer:
    def __init__(self, model, lr, clear):
        self.model = model
        self.clear = clear
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, 10, gamma=0.5)
        self.ce, self.mse = nn.CrossEntropyLoss(), nn.MSELoss()

    def fit(self, loader, epochs):
        for epoch in range(epochs):
            self.model.train()
            parts = torch.zeros(2)
            for x, digit, ink in loader:
                if self.clear:
                    self.optimizer.zero_grad()
                else:
                    self.optimizer.zero_grad
                out_digit, out_ink = self.model(x)
                loss_digit = self.ce(out_digit, digit)
                loss_ink = self.mse(out_ink, ink)
                (loss_digit + 0.5 * loss_ink).backward()
                self.optimizer.step()
                parts += torch.tensor([loss_digit.item(), loss_ink.item()])
            self.scheduler.step()
            if epoch % 4 == 0:
                parts /= len(loader)
                print(f"epoch {epoch:3d}  digit {parts[0]:.4f}  ink {parts[1]:.4f}")

    @torch.no_grad()
    def score(self, loader):
        self.model.eval()
        hits = n = 0
        for x, digit, _ in loader:
            hits += (self.model(x)[0].argmax(1) == digit).sum().item()
            n += len(x)
        return hits / n


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--epochs", type=int, default=24)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    digits = load_digits()
    x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
    ink = x.sum(1)
    ink = (ink - ink.mean()) / ink.std()
    full = TensorDataset(x, torch.tensor(digits.target), ink)
    train, test = random_split(full, [1300, len(full) - 1300])
    trainer = Trainer(MultiTask(), lr=0.02, clear=args.fixed)
    trainer.fit(DataLoader(train, batch_size=64, shuffle=True), args.epochs)
    print(f"digit accuracy on the test part {trainer.score(DataLoader(test, batch_size=200)):.4f}")


if __name__ == "__main__":
    main()
