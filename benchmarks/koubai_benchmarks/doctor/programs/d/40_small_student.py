# truth: faulty
# task: distil a digit classifier into a small student that has only 50 labels
# wrong: the distillation term compares the teacher's logits with themselves, so the student gets nothing from it
# accept: none
# after: https://github.com/labmlai/annotated_deep_learning_paper_implementations/issues/66
# metric: higher
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

FIXED = "--fixed" in sys.argv
seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
torch.manual_seed(seed)
torch.set_num_threads(1)

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(x))
x, y = x[order], y[order]
x_pool, y_pool, x_test, y_test = x[:1300], y[:1300], x[1300:], y[1300:]
n_labelled = 50


def accuracy(net):
    net.eval()
    with torch.no_grad():
        return (net(x_test).argmax(1) == y_test).float().mean().item()


class Configs:
    large_epochs = 15
    student_epochs = 40
    temperature = 3.0
    batch_size = 50

    def __init__(self):
        self.large = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 10))
        self.model = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
        self.kl_div = nn.KLDivLoss(reduction="batchmean")

    def train_large(self):
        opt = torch.optim.Adam(self.large.parameters(), lr=2e-3)
        self.large.train()
        for _ in range(self.large_epochs):
            for idx in torch.randperm(len(x_pool)).split(self.batch_size):
                opt.zero_grad()
                F.cross_entropy(self.large(x_pool[idx]), y_pool[idx]).backward()
                opt.step()
        print("large model accuracy", accuracy(self.large))

    def soft_loss(self, output, large_logits):
        student = output if FIXED else large_logits
        soft_targets = F.softmax(large_logits / self.temperature, dim=-1)
        soft_prob = F.log_softmax(student / self.temperature, dim=-1)
        return self.kl_div(soft_prob, soft_targets)

    def train_student(self):
        opt = torch.optim.Adam(self.model.parameters(), lr=3e-3)
        for epoch in range(self.student_epochs):
            self.model.train()
            total = 0.0
            for idx in torch.randperm(len(x_pool)).split(self.batch_size):
                with torch.no_grad():
                    large_logits = self.large(x_pool[idx])
                lab = torch.randint(0, n_labelled, (16,))
                label_loss = F.cross_entropy(self.model(x_pool[lab]), y_pool[lab])
                soft = self.soft_loss(self.model(x_pool[idx]), large_logits)
                loss = 0.1 * label_loss + soft * self.temperature ** 2
                opt.zero_grad()
                loss.backward()
                opt.step()
                total += loss.item()
            if epoch % 8 == 7:
                print(f"epoch {epoch + 1} loss {total / 26:.4f} student accuracy {accuracy(self.model):.4f}")


conf = Configs()
conf.train_large()
conf.large.eval()
conf.train_student()
print("student test accuracy", accuracy(conf.model))
