"""Replay: a kept call made once more, after which the model and all random numbers are as before."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from koubai.doctor.watch.checkups.examine import set_modes, undisturbed
from koubai.doctor.watch.passes.function_mode import FunctionMode
from koubai.doctor.watch.seen.kept_calls import KeptCall
from koubai.doctor.watch.seen.shifted_call import copied


def call_again(
    root: nn.Module, call: KeptCall, *, training: bool = False, mode: FunctionMode | None = None
) -> Any:
    """Return what a call puts out, without gradients; a function mode hears what is called inside.

    Modules of the model `root` are in training or in test mode for it.
    """
    args, options = copied((call.args, call.options))
    with same_luck(), undisturbed(root), torch.no_grad():
        set_modes(root, lambda module: training)
        if mode is None:
            return call.module(*args, **options)
        mode.open()
        try:
            return call.module(*args, **options)
        finally:
            mode.close()


@contextmanager
def same_luck() -> Iterator[None]:
    """Put back the random numbers of Python and NumPy at the end: a model may draw some."""
    state = random.getstate()
    numpy = sys.modules.get("numpy")
    theirs = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        random.setstate(state)
        if numpy is not None:
            numpy.random.set_state(theirs)
