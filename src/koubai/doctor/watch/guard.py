"""Guard: stands between the watch's own code and the training: what fails in one never fails the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Guard:
    """Calls what the watch does in hooks, until one such call fails: then `switch_off`, and nothing more.

    `failure` is what went wrong, None as long as nothing did. Ctrl-C and the like pass.
    """

    def __init__(self, switch_off: Callable[[Exception], None]) -> None:
        self.failure: str | None = None
        self._switch_off = switch_off

    def __call__(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a function whose result nobody needs."""
        if self.failure is not None:
            return
        try:
            function(*args)
        except Exception as error:  # whatever it is, it is ours, and the user's training must go on
            self.failure = f"{type(error).__name__}: {error}"
            self._switch_off(error)


def unguarded(function: Callable[..., Any], *args: Any) -> None:
    """Call a function whose result nobody needs; its errors pass."""
    function(*args)
