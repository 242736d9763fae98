"""accelerate: `watch(accelerator)`; the verdict is told at `accelerator.end_training()`."""

from __future__ import annotations

from typing import Any

from koubai.callbacks.observer import Observer, needed


class WatchedLoop(Observer):
    """Watches from now on. `end()` ends it where the program does not call `end_training`."""

    def __enter__(self) -> WatchedLoop:
        return self

    def __exit__(self, kind: Any, failure: BaseException | None, trace: Any) -> None:
        self.end(failure)


def watch(accelerator: Any, *, tell: bool = True) -> WatchedLoop:
    """Watch the loop of a program with an `Accelerator` from here on.

    Raises:
        EngineError: accelerate is not installed.
    """
    needed("accelerate", "accelerate")
    seen = WatchedLoop(tell and accelerator.is_main_process)
    theirs = accelerator.end_training

    def end_training(*args: Any, **options: Any) -> Any:
        """End as before; then tell."""
        accelerator.end_training = theirs
        result = theirs(*args, **options)
        seen.end()
        return result

    accelerator.end_training = end_training
    seen.begin()
    return seen
