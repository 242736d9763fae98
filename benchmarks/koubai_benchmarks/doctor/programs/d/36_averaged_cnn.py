# truth: faulty
# task: digit classification, evaluated with an exponential moving average of the weights
# wrong: a decay of 0.9999 over a few hundred updates: the averaged model that is evaluated is still almost the initial one
# accept: none
# after: https://github.com/huggingface/pytorch-image-models/issues/1182
# metric: higher
import copy
import sys

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

FIXED = "--fixed" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
EMA_DECAY = 0.98 if FIXED else 0.9999

torch.manual_seed(SEED)
torch.set_num_threads(1)


class ModelEma(nn.Module):
    def __init__(self, model, decay):
        super().__init__()
        self.module = copy.deepcopy(model)
        self.module.eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, model):
        for ema_v, model_v in zip(self.module.state_dict().values(), model.state_dict().values()):
            if ema_v.dtype.is_floating_point:
                ema_v.copy_(self.decay * ema_v + (1.0 - self.decay) * model_v)
            else:
                ema_v.copy_(model_v)


def make_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 16, 10),
    )


def validate(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(dim=1) == y).float().mean().item()


X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 1, 8, 8).astype("float32") / 16
X_tr, X_te, y_tr, y_te = map(torch.as_tensor, train_test_split(X, y, test_size=0.25, random_state=SEED))

model = make_model()
model_ema = ModelEma(model, EMA_DECAY)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(12):
    model.train()
    losses = []
    for idx in torch.randperm(len(X_tr)).split(48):
        loss = loss_fn(model(X_tr[idx]), y_tr[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model_ema.update(model)
        losses.append(loss.item())
    print(f"epoch {epoch}: loss {sum(losses) / len(losses):.4f}  ema top1 {validate(model_ema.module, X_te, y_te):.4f}")

print("best checkpoint (ema) top1:", round(validate(model_ema.module, X_te, y_te), 4))
