"""Observer: watches whatever is trained between `begin` and `end`, and says at the end what it saw."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from koubai.core.errors import EngineError
from koubai.doctor.answer.verdict import Unseen, Verdict
from koubai.doctor.visit.finding import Finding


class Observer:
    """What all callbacks share.

    Args:
        tell: whether to print the verdict on standard error when training is over.

    A new `begin` starts again; what was seen before is forgotten.
    """

    def __init__(self, tell: bool = True) -> None:
        self.tell = tell
        self._search: Any = None
        self._open = False

    def begin(self) -> None:
        """Begin to watch, unless this is done already, by this observer or by `koubai doctor`."""
        from koubai.doctor.watch.hooks.wires import is_listening
        from koubai.doctor.watch.search import ModelSearch

        if self._open or is_listening():
            return
        self._search, self._open = ModelSearch(), True
        self._search.__enter__()

    def end(self, failure: BaseException | None = None) -> None:
        """Watch no more, and tell; `failure` is the error with which training ended."""
        if not self._open:
            return
        self._open = False
        self._search.__exit__()
        if failure is not None and self.watch is not None:
            self.watch.seen.died = f"{type(failure).__name__}: {failure}"
        if self.tell:
            from koubai.doctor.answer.tell import tell_verdict

            print(tell_verdict(self.verdict), file=sys.stderr)

    @property
    def watch(self) -> Any:
        """The `Watch` of the model that made the most steps; None before anything was trained."""
        return None if self._search is None else self._search.best

    @property
    def verdict(self) -> Verdict:
        """Findings, healthy, or not judged and why."""
        return Verdict([], (Unseen("model"),)) if self.watch is None else self.watch.verdict

    @property
    def findings(self) -> list[Finding]:
        """What is wrong, the root first; [] when nothing was found: see `verdict`."""
        return self.verdict.findings

    @property
    def scope(self) -> list[str]:
        """Sentences on what could not be seen."""
        return [] if self.watch is None else self.watch.scope


class Callback(Observer):
    """An observer that its framework copies and stores with a model: a copy has seen nothing."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _anew, (type(self).__module__, self.tell)


def _anew(module: str, tell: bool) -> Any:
    return import_module(module).watch(tell=tell)


def needed(module: str, package: str) -> Any:
    """Import a framework, or say how to get it.

    Raises:
        EngineError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if module.partition(".")[0] != (error.name or "").partition(".")[0]:
            raise
        raise EngineError("framework_is_not_installed", package=package) from None
