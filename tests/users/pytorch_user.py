"""Someone who lives in PyTorch: takes a model here, looks at it, trains it on, and takes it home again."""

import torch
from torch import nn

import koubai as kb

torch.manual_seed(0)
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
data = kb.data.digits().load()
x, t = torch.tensor(data.x_train), torch.tensor(data.t_train)
optimizer = torch.optim.Adam(model.parameters(), 0.01)
for _ in range(60):
    rows = torch.randint(len(x), (64,))
    loss = nn.functional.cross_entropy(model(x[rows]), t[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# Here: the same answers from textbook formulas, in a file of koubai's.
model.eval()
trained = kb.from_torch(model, in_shape=(1, 8, 8))
theirs = model(torch.tensor(data.x_test)).argmax(1).numpy()
assert (trained.predict(data.x_test, prepared=True).argmax(1) == theirs).mean() > 0.999
kb.save("from-torch", trained)
assert (
    kb.load("from-torch.safetensors").predict(data.x_test, prepared=True).argmax(1) == theirs
).mean() > 0.999

# Trained here, and home again: a module like any other, whose training goes on.
run = kb.fit(trained.recipe.network, kb.data.digits(), optimizer=kb.Adam(0.01), steps=200, progress=False)
home = run.to_torch()
assert [type(part) for part in home] == [type(part) for part in model]
with torch.no_grad():
    accuracy = (home(torch.tensor(data.x_test)).argmax(1).numpy() == data.t_test).mean()
assert abs(accuracy - run.scores["test"].accuracy) < 0.005
fresh = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
fresh.load_state_dict(home.state_dict())
nn.functional.cross_entropy(fresh.train()(x[:64]), t[:64]).backward()
assert fresh[1].weight.grad.abs().sum() > 0
