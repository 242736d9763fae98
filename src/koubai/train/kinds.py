"""The kinds of parts that a file names, and the short ways to write one."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from koubai.core.layer import LAYERS, Layer
from koubai.core.registry import Registry
from koubai.data.augment.augmentation import AUGMENTATIONS, Augmentation
from koubai.data.dataset import DATA, DataSource
from koubai.data.flaws.flaw import FLAWS, Flaw
from koubai.initializers.initializer import INITIALIZERS, Initializer
from koubai.losses.loss import LOSSES, Loss
from koubai.optim.optimizer import OPTIMIZERS, Optimizer
from koubai.penalties.penalty import PENALTIES, Penalty
from koubai.schedules.schedule import SCHEDULES, Schedule
from koubai.words import say

KINDS: dict[type, Registry] = {
    Layer: LAYERS,
    DataSource: DATA,
    Augmentation: AUGMENTATIONS,
    Flaw: FLAWS,
    Loss: LOSSES,
    Optimizer: OPTIMIZERS,
    Schedule: SCHEDULES,
    Penalty: PENALTIES,
    Initializer: INITIALIZERS,
}
for _package in ("layers", "models", "losses", "optim", "schedules", "penalties", "initializers", "data"):
    import_module(f"koubai.{_package}")  # its classes register themselves
_AMBIGUOUS = ("xavier",)  # names that people give to two different things


def spelled_out(base: type, value: Any) -> Any:
    """Return what a shorthand stands for."""
    if isinstance(value, str):
        return {"type": _registered_as(base, value)}
    if isinstance(value, list) and base is Layer:
        return {"type": "sequential", "layers": value}
    if isinstance(value, dict) and isinstance(name := value.get("type"), str) and name in KINDS[base].aliases:
        return {**value, "type": _registered_as(base, name)}
    return value


def _registered_as(base: type, name: str) -> str:
    """Return the name a part is registered by; say so where another name of it has two meanings."""
    found = KINDS[base].called(name)
    if name in _AMBIGUOUS:
        warnings.warn(say(f"train.ambiguous.{name}"), stacklevel=2)
    return found
