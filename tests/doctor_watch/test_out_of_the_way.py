"""Programs end under watch as they end alone: same prints, same exit code, same weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """
import copy, io, pickle, sys
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(256, 6)
t = (x[:, 0] > 0).long()
model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
opt = torch.optim.Adam(model.parameters(), 0.02)
def train(model, opt, steps):
    for _ in range(steps):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x), t)
        loss.backward()
        opt.step()
    return loss
train(model, opt, 3)
"""
TAIL = """
total = sum(float(p.detach().double().sum()) for p in nn.Module.parameters(model))
print("weights", total, torch.rand(1).item())
"""
PROGRAMS = {
    "saves": "torch.save(model, io.BytesIO()); pickle.dumps(model); train(model, opt, 40)",
    "copies": "other = copy.deepcopy(model); assert not other._forward_hooks; train(model, opt, 40)",
    "scripts": "s = torch.jit.script(model); torch.jit.trace(model, x); s(x); train(model, opt, 40)",
    "exports": "torch.export.export(model, (x,)); train(model, opt, 40)",
    "vmaps": """
params = dict(model.named_parameters())
loss = lambda p, a: torch.func.functional_call(model, p, (a[None],)).sum()
g = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(params, x)
print({name: tuple(w.shape) for name, w in g.items()})
train(model, opt, 40)""",
    "prunes": """
from torch.nn.utils import prune, parametrizations
prune.l1_unstructured(model[0], "weight", 0.5)
parametrizations.weight_norm(model[2])
train(model, torch.optim.SGD(model.parameters(), 0.1), 40)""",
    "overrides": """
class Odd(nn.Sequential):
    def parameters(self, kind):
        return super().parameters()
model = Odd(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))
train(model, torch.optim.SGD(list(model.parameters("all")), 0.1), 40)""",
    "by hand": """
for _ in range(40):
    grads = torch.autograd.grad(nn.functional.cross_entropy(model(x), t), list(model.parameters()))
    with torch.no_grad():
        for p, g in zip(model.parameters(), grads):
            p -= 0.1 * g""",
    "lbfgs": """
opt = torch.optim.LBFGS(model.parameters(), max_iter=5)
def closure():
    opt.zero_grad()
    loss = nn.functional.cross_entropy(model(x), t)
    loss.backward()
    return loss
for _ in range(5):
    opt.step(closure)""",
    "forward called directly": """
for _ in range(40):
    opt.zero_grad()
    nn.functional.cross_entropy(model.forward(x), t).backward()
    opt.step()""",
    "two models": """
more = nn.Linear(6, 6)
opt = torch.optim.Adam([*more.parameters(), *model.parameters()], 0.02)
for _ in range(40):
    opt.zero_grad()
    nn.functional.cross_entropy(model(torch.tanh(more(x))), t).backward()
    opt.step()""",
    "exits": "train(model, opt, 40); print('leaving'); sys.exit(7)",
    "dies": "train(model, opt, 40); raise ValueError('no more')",
}
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}


def run(*command, cwd):
    hangs = 600  # seconds; a busy machine has needed two minutes
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT, timeout=hangs, check=False
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_ends_as_it_does_alone(name, tmp_path):
    path = Path(tmp_path) / "program.py"
    path.write_text(HEAD + PROGRAMS[name] + TAIL)
    alone = run(sys.executable, str(path), cwd=tmp_path)
    command = "import sys; from koubai.cli.main import main; sys.exit(main(sys.argv[1:]))"
    watched = run(sys.executable, "-c", command, "doctor", "--json", str(path), cwd=tmp_path)
    said = json.loads(watched.stdout)
    if name in ("exits", "dies"):
        assert said["verdict"] != "healthy"
        assert watched.returncode == alone.returncode != 0
    else:
        assert alone.returncode == 0, alone.stderr
        assert watched.returncode in (0, 3)
        assert said["verdict"] in ("findings", "healthy", "not_judged")
    told = [line for line in alone.stdout.splitlines() if line]
    assert [line for line in watched.stderr.splitlines() if line in told] == told
    if name == "dies":
        assert alone.stderr.strip() in watched.stderr
    assert "watch failed" not in watched.stderr
