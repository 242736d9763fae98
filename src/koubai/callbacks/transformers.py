"""Hugging Face: `Trainer(..., callbacks=[watch()])`."""

from __future__ import annotations

from typing import Any

from koubai.callbacks.observer import Callback, needed


def watch(*, tell: bool = True) -> Any:
    """Return a callback for `transformers.Trainer`; its `verdict` says what is wrong after `train`.

    Raises:
        EngineError: transformers is not installed.
    """
    base: Any = needed("transformers", "transformers").TrainerCallback

    class Watch(Callback, base):
        """Watches from the begin of training to its end."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            """Begin to watch."""
            self.begin()

        def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            """Watch no more, and tell."""
            self.tell = self.tell and state.is_world_process_zero
            self.end()

    return Watch(tell)
