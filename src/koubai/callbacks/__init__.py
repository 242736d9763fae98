"""Callbacks: one line in a framework's own training loop, and the doctor says what it saw when that is over.

| framework              | the line                                                                    |
|------------------------|-----------------------------------------------------------------------------|
| Lightning              | `Trainer(callbacks=[koubai.callbacks.lightning.watch()])`                   |
| Hugging Face `Trainer` | `Trainer(..., callbacks=[koubai.callbacks.transformers.watch()])`           |
| accelerate             | `koubai.callbacks.accelerate.watch(accelerator)`, told at `end_training()`  |
| Keras 3 on PyTorch     | `model.fit(..., callbacks=[koubai.callbacks.keras.watch()])`                |
| skorch                 | `NeuralNet(..., callbacks=[koubai.callbacks.skorch.watch()])`               |
| ignite                 | `koubai.callbacks.ignite.watch(trainer)`                                    |

Each `watch` prints its verdict on standard error at the end of training (`tell=False`: it does not), and has
`verdict`, `findings`, `scope` and `watch` afterwards, as `koubai.watch` has. Nothing in the training changes.
Under `koubai doctor script.py` they do nothing: the script is watched already, and is told about there.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_FRAMEWORKS = ("accelerate", "ignite", "keras", "lightning", "skorch", "transformers")


def __getattr__(name: str) -> Any:
    if name in _FRAMEWORKS:
        return import_module(f"koubai.callbacks.{name}")
    raise AttributeError(f"module 'koubai.callbacks' has no attribute '{name}'")


def __dir__() -> list[str]:
    return list(_FRAMEWORKS)
