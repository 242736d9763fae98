"""Keras 3 on its PyTorch backend: `model.fit(..., callbacks=[watch()])`."""

from __future__ import annotations

from typing import Any

from koubai.callbacks.observer import Callback, needed
from koubai.core.errors import EngineError


def watch(*, tell: bool = True) -> Any:
    """Return a callback for Keras models; its `verdict` says what is wrong after `fit`.

    Raises:
        EngineError: Keras is not installed, or computes with another library than PyTorch.
    """
    keras = needed("keras", "keras")
    if (backend := keras.backend.backend()) != "torch":
        raise EngineError("keras_computes_elsewhere", expected="torch", got=backend)

    base: Any = keras.callbacks.Callback

    class Watch(Callback, base):
        """Watches from the begin of training to its end."""

        def __init__(self) -> None:
            Callback.__init__(self, tell)
            base.__init__(self)

        def on_train_begin(self, logs: Any = None) -> None:
            """Begin to watch."""
            self.begin()

        def on_train_end(self, logs: Any = None) -> None:
            """Watch no more, and tell."""
            self.end()

    return Watch()
