"""Lightning: `Trainer(callbacks=[watch()])`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from koubai.callbacks.observer import Callback, needed


def watch(*, tell: bool = True) -> Any:
    """Return a callback for a Lightning `Trainer`; afterwards its `verdict` says what is wrong after `fit`.

    It takes the spelling that the program uses: `lightning`, or the older `pytorch_lightning`.

    Raises:
        EngineError: Lightning is not installed.
    """
    base: Any = _base()

    class Watch(Callback, base):
        """Watches from `setup`, where the optimizers are made, to the end of `fit`."""

        def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
            """Begin to watch."""
            if stage == "fit":
                self.begin()

        def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
            """Watch no more, and tell."""
            self.tell = self.tell and trainer.is_global_zero
            self.end()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            """Leave no hooks behind."""
            self.end(exception)

    return Watch(tell)


def _base() -> Any:
    """The class that this program's Trainer asks its callbacks to be of."""
    import sys

    if "lightning.pytorch" not in sys.modules and "pytorch_lightning" in sys.modules:
        return sys.modules["pytorch_lightning"].Callback
    if find_spec("lightning") is None and find_spec("pytorch_lightning") is not None:
        return needed("pytorch_lightning", "lightning").Callback
    return needed("lightning.pytorch", "lightning").Callback
