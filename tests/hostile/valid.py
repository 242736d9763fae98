"""Sound inputs of every kind, from which hostile ones are made; small, so that a success is quick."""

import io
import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np

from koubai.core.registry import Registry
from koubai.lab.declare.experiment_file import read_experiment
from koubai.train.kinds import KINDS
from koubai.train.recipe import Recipe
from koubai.train.train import train
from support.data_files import idx

_NETWORK = """
network = ["flatten", { type = "linear", out_features = 8 }, "relu", { type = "linear", out_features = 10 }]
"""
_DIGITS = f"""
data = "digits"
steps = 4
batch_size = 10
{_NETWORK}"""
_IMAGES = """
steps = 3
batch_size = 8
optimizer = { type = "adam", learning_rate = 0.01 }
loss = "softmax_cross_entropy"
[data]
type = "digits"
train = 60
test = 20
validation = 10
label_noise = 0.1
scale = "standard"
[network]
type = "sequential"
layers = [
  { type = "conv2d", out_channels = 3, kernel = 3, padding = 1 }, "batch_norm", "relu",
  { type = "max_pool2d", size = 2 }, { type = "dropout", ratio = 0.3 }, "flatten",
  { type = "linear", out_features = 10 },
]
"""
_VALUES = """
steps = 3
batch_size = 5
loss = "mean_squared_error"
network = { type = "mlp", hidden = [6, 5], activation = "tanh", classes = 1 }
penalties = [{ type = "l2", strength = 0.01 }]
clipping = { norm = 1.0 }
schedule = { type = "cosine_decay", steps = 3 }
early_stopping = { patience = 2 }
[data]
type = "regression"
n = 50
inputs = 2
noise = 0.1
target_scale = "standard"
"""
_POINTS = """
data = { type = "moons", n = 60, noise = 0.1 }
steps = 3
seed = 7
dtype = "float64"
network = { type = "mlp", hidden = [4], classes = 2 }
initializer = { type = "normal", scale = 0.1 }
"""
_SHORT = (_DIGITS, _IMAGES, _VALUES, _POINTS)
_RATES = f"""
name = "rates"
question = "Which rate?"
seeds = 2
measure = "test_accuracy"
baseline = "0.1"
[recipe]{_DIGITS}
[axes.rate]
path = "optimizer.learning_rate"
values = [0.01, 0.1]
[[claims]]
arm = "0.1"
over = "0.01"
"""
_ARMS = """
seeds = [0, 3]
budget = 1.5
[question]
en = "What?"
ja = "何が？"
[recipe]
steps = 3
batch_size = 10
data = { type = "moons", n = 40 }
network = { type = "mlp", hidden = [4], classes = 2 }
[watch]
taps = 1
[[arms]]
name = "plain"
edits = {}
[[arms]]
name = "wide"
edits = { network.hidden = [8], steps = 4 }
"""
_EXPERIMENTS = (_RATES, _ARMS)


@cache
def recipes() -> tuple[str, ...]:
    """Recipes, short and in full."""
    return (*_SHORT, *(Recipe.from_toml(text).to_toml(full=True) for text in _SHORT))


@cache
def experiments() -> tuple[str, ...]:
    """Files of experiments."""
    for text in _EXPERIMENTS:
        read_experiment(text)  # raises where a sound one is none any more
    return _EXPERIMENTS


@cache
def words() -> tuple[str, ...]:
    """Return every name that stands in recipes and experiments."""
    named: list[str] = []
    for registry in KINDS.values():
        assert isinstance(registry, Registry)
        named += [*registry, *(field for cls in registry.values() for field in cls.__dataclass_fields__)]
    more = (
        "recipe arms axes claims watch name edits path values over seeds measure budget steps batch_size type"
    )
    return tuple(dict.fromkeys([*named, *more.split()]))


def npz() -> bytes:
    """An .npz file."""
    file = io.BytesIO()
    x = np.arange(60, dtype=np.float32).reshape(20, 3)
    np.savez(file, x=x, t=np.arange(20) % 2)
    return file.getvalue()


def idx_images() -> bytes:
    """An IDX file of images."""
    return idx(np.arange(4 * 9, dtype=np.uint8).reshape(4, 3, 3))


@cache
def run_folder(home: Path) -> Path:
    """Return the folder of a finished run."""
    folder = home / "run"
    shutil.rmtree(folder, ignore_errors=True)
    train(Recipe.from_toml(_DIGITS), folder=folder, engine="reference")
    return folder


@cache
def experiment_folder(home: Path) -> Path:
    """Return the folder of a finished experiment."""
    from koubai.cli.main import main

    file, folder = home / "rates.toml", home / "experiment"
    file.write_text(_RATES, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    assert main(["run", str(file), "--out", str(folder), "--engine", "reference", "--plain"]) == 0
    return folder


def history_line() -> str:
    """Return a line of a history."""
    row = {"path": "1.weight", "quantity": "gradient_norm", "steps": [1, 2, 3], "values": [0.5, "nan", 2.5]}
    return json.dumps(row)
