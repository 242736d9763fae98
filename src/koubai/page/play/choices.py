"""What can be chosen in free play: parts by name, data that are there, and the recipe it begins with."""

from __future__ import annotations

from typing import Any

import koubai.train.schema  # noqa: F401 - every part registers itself
from koubai.core.layer import LAYERS
from koubai.core.registry import Registry
from koubai.initializers.initializer import INITIALIZERS
from koubai.models.model import MODELS
from koubai.optim.optimizer import OPTIMIZERS
from koubai.page.play.bounds import MOST_BATCH, MOST_STEPS
from koubai.page.play.check import MADE_UP
from koubai.page.play.shelf import Shelf
from koubai.penalties.penalty import PENALTIES

_NETWORKS = ("mlp", "simple_convnet", "double_convnet", "deep_convnet")
_ACTIVATIONS = (
    *("identity", "step", "sigmoid", "tanh", "relu", "leaky_relu"),
    *("elu", "selu", "gelu", "silu", "mish", "softplus"),
)
_INITIALIZERS = (
    *("zeros", "constant", "normal", "uniform", "lecun_normal", "glorot_normal", "glorot_uniform"),
    *("he_normal", "orthogonal"),
)
_OPTIMIZERS = (
    *("sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "amsgrad", "adamw"),
    *("radam", "lion"),
)
_PENALTIES = ("l2", "l1", "proximal_l1")
FIRST = {
    "data": {"type": "moons", "noise": 0.2},
    "network": {"type": "mlp", "hidden": [16, 16], "classes": 2, "activation": "tanh"},
    "initializer": "lecun_normal",
    "optimizer": {"type": "adam", "learning_rate": 0.01},
    "batch_size": 50,
    "steps": 600,
    "seed": 0,
}


def choices(shelf: Shelf) -> dict[str, Any]:
    """Return everything a form needs."""
    return {
        "first": FIRST,
        "most": {"steps": MOST_STEPS, "batch_size": MOST_BATCH},
        "data": ["digits", *shelf.images, *MADE_UP],
        "files": shelf.files(),
        "folder": shelf.folder is not None,
        "network": _named(_NETWORKS, MODELS),
        "activation": _named(_ACTIVATIONS, LAYERS),
        "initializer": _named(_INITIALIZERS, INITIALIZERS),
        "optimizer": _named(_OPTIMIZERS, OPTIMIZERS),
        "penalty": _named(_PENALTIES, PENALTIES),
    }


def _named(names: tuple[str, ...], registry: Registry) -> list[dict[str, Any]]:
    """Return parts with the name that people know them by, and their settings at their defaults."""
    found = []
    for name in names:
        kind: Any = registry[name]
        settings = {
            field: value.default
            for field, value in kind.__dataclass_fields__.items()
            if isinstance(value.default, int | float) and not isinstance(value.default, bool)
        }
        found.append({"name": name, "title": kind.__name__, "settings": settings})
    return found
