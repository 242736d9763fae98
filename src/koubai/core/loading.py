"""Loading: many modules imported at once, without a search for garbage among them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Import inside. What is there at the end stays for good: it is never searched for garbage again.

    PyTorch makes some 300,000 objects. Python would look through all of them several times meanwhile (a tenth
    of a second), and again whenever a program of its own has made as many.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
