"""A Lightning callback that watches the training of a LightningModule."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from koubai.doctor.visit.finding import Finding
from koubai.doctor.watch.search import Search
from koubai.doctor.watch.watcher import Watch


def watch_callback() -> Any:
    """Return a callback for `Trainer(callbacks=[...])`; its `findings` tell what is wrong after `fit`.

    It watches the module that is called in `training_step`: the LightningModule itself (`self(x)`), or a
    model inside it (`self.model(x)`).
    """
    name = "lightning.pytorch" if find_spec("lightning") else "pytorch_lightning"  # new and old spelling
    base: Any = import_module(name).Callback

    class WatchCallback(base):
        """Opens the watch when training starts and closes it when it ends."""

        def __init__(self) -> None:
            self._search = Search()

        def on_train_start(self, trainer: Any, module: Any) -> None:
            """Begin to watch."""
            self._search.__enter__()

        def on_train_end(self, trainer: Any, module: Any) -> None:
            """Watch no more."""
            self._search.__exit__()

        def on_exception(self, trainer: Any, module: Any, exception: BaseException) -> None:
            """Leave no hooks behind."""
            self._search.__exit__()

        @property
        def watch(self) -> Watch | None:
            """The watch of the model that made the most steps."""
            return self._search.best

        @property
        def findings(self) -> list[Finding]:
            """What is wrong, the root first; [] when nothing is, or nothing was trained."""
            return [] if self.watch is None else self.watch.findings

    return WatchCallback()
