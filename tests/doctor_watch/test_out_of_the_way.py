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
WATCHED = """
import sys, numba, scipy.stats, sklearn.ensemble
from koubai.cli.main import main
from koubai.doctor.watch.twin import twin
twin.twin_clinic = lambda *_: None  # no twins, so that all are forked
def run(path):
    sys.exit(main(["doctor", "--json", "--thorough", path]))
"""
ALONE = """
import runpy
def run(path):
    runpy.run_path(path, run_name="__main__")
"""
# What takes longest is to import PyTorch: it is done once, and a process forked from there for each program.
FORKS = """
import os, sys, torch, torch._dynamo
for path in sys.argv[1:]:
    child = os.fork()
    if not child:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{path}.{name}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
        code = 0
        try:
            run(path)
        except SystemExit as end:
            code = end.code
        except BaseException:
            sys.excepthook(*sys.exc_info())
            code = 1
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code)
"""


def run(how, paths, cwd):
    hangs = 600  # seconds; a busy machine has needed two minutes
    command = (sys.executable, "-c", how + FORKS, *map(str, paths))
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT, timeout=hangs, check=True
    )
    told = [[Path(f"{path}.{name}").read_text() for name in ("out", "err")] for path in paths]
    return [(int(code), *texts) for code, texts in zip(done.stdout.split(), told, strict=True)]


@pytest.mark.long
def test_programs_end_as_they_do_alone(tmp_path):
    paths = [tmp_path / f"{name}.py" for name in PROGRAMS]
    for path, text in zip(paths, PROGRAMS.values(), strict=True):
        path.write_text(HEAD + text + TAIL)
    ends = zip(paths, run(ALONE, paths, tmp_path), run(WATCHED, paths, tmp_path), strict=True)
    for path, (code, out, err), (watched_code, watched_out, watched_err) in ends:
        said = json.loads(watched_out)
        if path.stem in ("exits", "dies"):
            assert said["verdict"] != "healthy"
            assert watched_code == code != 0
        else:
            assert code == 0, err
            assert watched_code in (0, 3), path
            assert said["verdict"] in ("findings", "healthy", "not_judged")
        told = [line for line in out.splitlines() if line]
        assert [line for line in watched_err.splitlines() if line in told] == told, path
        if path.stem == "dies":
            place = err.index(f'  File "{path}"')  # what stands above are those who run it
            assert err[place:].strip() in watched_err
        assert "watch failed" not in watched_err, path
        refused = {"lbfgs": "inner", "by hand": "short"}.get(path.stem)
        assert said["trials"]["not_run"] == refused, path
        assert said["trials"]["made"] > 3 or refused, (path, watched_err)
