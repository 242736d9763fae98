"""skorch: `NeuralNet(..., callbacks=[watch()])`."""

from __future__ import annotations

from typing import Any

from koubai.callbacks.observer import Callback, needed


def watch(*, tell: bool = True) -> Any:
    """Return a callback for skorch's nets; its `verdict` says what is wrong after `fit`.

    Raises:
        EngineError: skorch is not installed.
    """
    base: Any = needed("skorch.callbacks", "skorch").Callback

    class Watch(Callback, base):
        """Watches from the begin of training to its end."""

        def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **others: Any) -> None:
            """Begin to watch."""
            self.begin()

        def on_train_end(self, net: Any, X: Any = None, y: Any = None, **others: Any) -> None:
            """Watch no more, and tell."""
            self.end()

    return Watch(tell)
