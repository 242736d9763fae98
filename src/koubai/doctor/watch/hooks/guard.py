"""Guard: stands between the watch's own code and the training: what fails in one never fails the other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Guard:
    """Calls what the watch does in hooks, until one such call fails: then `switch_off`, and nothing more.

    `switch_off` is told what went wrong. Ctrl-C and the like pass.
    """

    def __init__(self, switch_off: Callable[[str], None]) -> None:
        self._off = False
        self._switch_off = switch_off

    def __call__(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a function whose result nobody needs."""
        if self._off:
            return
        try:
            function(*args)
        except Exception as error:  # whatever it is, it is ours, and the user's training must go on
            self._fail(error)

    def around(self, function: Callable[..., Any]) -> Callable[..., None]:
        """Return a function whose every call is guarded."""

        def guarded(*args: Any) -> None:
            if not self._off:
                try:
                    function(*args)
                except Exception as error:  # as above
                    self._fail(error)

        return guarded

    def _fail(self, error: Exception) -> None:
        self._off = True
        self._switch_off(f"{type(error).__name__}: {error}")


def unguarded(function: Callable[..., Any], *args: Any) -> None:
    """Call a function whose result nobody needs; its errors pass."""
    function(*args)


def on_gradient(of: Any, ask: Callable[..., None], *known: Any) -> None:
    """Ask something of the gradients of a tensor, or of a node of the graph, when its backward pass comes.

    `ask` is called with what is known and the gradients. An error in it would end the program's own pass: it
    ends the question instead, whose answer then stays unknown.
    """

    def hook(*gradients: Any) -> None:
        with suppress(Exception):
            ask(*known, *gradients)

    of.register_hook(hook)
