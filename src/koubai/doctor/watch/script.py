"""A training script, run as it is, under watch."""

from __future__ import annotations

import runpy
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_post_hook

from koubai.core.errors import KoubaiError
from koubai.doctor.finding import Finding
from koubai.doctor.watch.guard import Guard
from koubai.doctor.watch.models import unwrapped
from koubai.doctor.watch.watcher import Watch
from koubai.words import say

_MOST_MODELS = 4
_SEARCH_STEPS = 3  # optimizer steps after which no new model is looked for


def diagnose_script(path: Path, arguments: Sequence[str] = ()) -> list[Finding]:
    """Run a script to its end and return what is wrong with the training in it.

    What the script prints goes to standard error, and so does what could not be seen. A script that ends
    with an error is examined up to there.

    Raises:
        KoubaiError: no training was seen, not even a backward pass, so there is nothing to say.
    """
    watch, failure = watch_script(path, arguments)
    if watch is None or not (watch.step or watch.loop.passes):
        raise KoubaiError(say("watch.script.nothing"), where=str(path), got=failure)
    findings = watch.findings
    if failure is not None:
        print(say("watch.script.failed", error=failure, step=watch.step), file=sys.stderr)
    for sentence in watch.scope:
        print(sentence, file=sys.stderr)
    return findings


def watch_script(path: Path, arguments: Sequence[str] = ()) -> tuple[Watch | None, str | None]:
    """Run a script; return the watch of the model that made the most steps, and what it failed with."""
    search = Search()
    failure: str | None = None
    with _as_main(path, arguments), redirect_stdout(sys.stderr), search:
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            failure = None if end.code in (None, 0) else f"exit code {end.code}"
        except Exception as error:  # the script's own failure: told, and its training examined up to there
            traceback.print_exc()
            failure = f"{type(error).__name__}: {error}"
    return search.best, failure


class Search:
    """Puts a watch on every model that is called with gradients before or soon after the first steps."""

    def __init__(self) -> None:
        self.watches: list[Watch] = []
        self._known: set[int] = set()
        self._steps = 0
        self._handles: list[Any] = []
        self._guard = Guard(self._give_up)

    def __enter__(self) -> None:
        self._handles = [
            register_module_forward_pre_hook(partial(self._guard, self._called)),
            register_optimizer_step_post_hook(self._stepped),
        ]

    @property
    def best(self) -> Watch | None:
        """The watch that saw the most steps; where none are made, the most backward passes."""
        return max(self.watches, key=lambda watch: (watch.step, watch.loop.passes), default=None)

    def __exit__(self, *exception: object) -> None:
        self._end()
        for watch in self.watches:
            watch.stop()

    def _called(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if self._steps >= _SEARCH_STEPS:
            self._end()
            return
        if id(module) in self._known or not torch.is_grad_enabled():
            return
        if len(self.watches) == _MOST_MODELS or not any(p.requires_grad for p in module.parameters()):
            return
        # A model is called before its parts, so these are known when their turn comes.
        self._known |= {id(part) for part in (*module.modules(), *unwrapped(module).modules())}
        watch = Watch(module)
        watch.__enter__()
        self.watches.append(watch)
        watch.before_forward(args, {})  # the hook for this very call comes too late

    def _stepped(self, optimizer: Any, args: Any, options: Any) -> None:
        self._steps += 1

    def _give_up(self, failure: str) -> None:
        """Look for no more models; those that were found stay under watch."""
        with suppress(Warning):  # a program may turn warnings into errors
            warnings.warn(say("watch.script.unseen", error=failure), RuntimeWarning, stacklevel=2)

    def _end(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []


@contextmanager
def _as_main(path: Path, arguments: Sequence[str]) -> Iterator[None]:
    """Let a script find its arguments and the modules beside it."""
    before = sys.argv, sys.path
    sys.argv, sys.path = [str(path), *arguments], [str(path.parent.resolve()), *sys.path]
    try:
        yield
    finally:
        sys.argv, sys.path = before
