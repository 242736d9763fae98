"""Places: which line of the user's program something comes from.

The stack is walked when a model or an optimizer is made, and at looks: never at an ordinary step.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import ref

import torch

from koubai.doctor.patient.place import Place

_OTHERS = tuple(
    {
        str(Path(__file__).parents[3]) + os.sep,
        str(Path(torch.__file__).parent) + os.sep,
        *(path + os.sep for name, path in sysconfig.get_paths().items() if name not in ("data", "scripts")),
    }
)
_DEEPEST = 200


@cache
def is_users(file: str) -> bool:
    """Whether a file is part of the program: not of koubai, Python, PyTorch or an installed package."""
    inside = f"{os.sep}site-packages{os.sep}" in file or f"{os.sep}dist-packages{os.sep}" in file
    return not (file.startswith(("<", *_OTHERS)) or inside)


def users_place(role: str, making: Any = None) -> Place | None:
    """Return the innermost line of the program that is being run; None where there is none.

    `making` is an object in its constructor: the line wanted is the one outside, where it is made.
    """
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_DEEPEST):
        if frame is None:
            return None
        if is_users(frame.f_code.co_filename) and not _makes(frame, making):
            return Place(frame.f_code.co_filename, frame.f_lineno, role)
        frame = frame.f_back
    return None


def _makes(frame: FrameType, thing: Any) -> bool:
    """Whether a frame is the constructor of a thing."""
    code = frame.f_code
    if thing is None or code.co_name != "__init__" or not code.co_varnames:
        return False
    return frame.f_locals.get(code.co_varnames[0]) is thing


class Births:
    """Where modules and optimizers were made, by identity: nothing is put on them, or keeps them alive."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Place]] = {}

    def note(self, thing: Any, role: str) -> None:
        """Note where a thing is being made."""
        place = users_place(role, thing)
        if place is not None:
            key = id(thing)
            self._known[key] = ref(thing, lambda _: self._known.pop(key, None)), place

    def of(self, thing: Any) -> Place | None:
        """Return where a thing was made; None where that was not seen."""
        known = self._known.get(id(thing))
        return known[1] if known is not None and known[0]() is thing else None


births = Births()
"""Of the program that is being watched."""
