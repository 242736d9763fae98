"""Seeds: a program that is run again begins with the same random numbers, or with others, on demand.

Whoever sets no seed gets one; whoever sets one gets it moved by the same amount, everywhere. Generators that
a program makes for itself (`torch.Generator`, `random.Random`) keep the seeds it gave them.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

_MOST = 2**32  # seeds of NumPy lie below
_SEEDING: tuple[tuple[Any, str], ...] = (
    (random, "seed"),
    (np.random, "seed"),
    (torch, "manual_seed"),
    (torch.cuda, "manual_seed"),
    (torch.cuda, "manual_seed_all"),
)


def fix_seeds(seed: int) -> None:
    """Begin with the random numbers of this seed; 0 leaves those seeds alone that a program sets itself."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 -- the program's own state
    torch.manual_seed(seed)
    _fix_generators(seed)
    if seed:
        for owner, name in _SEEDING:
            setattr(owner, name, _moved(getattr(owner, name), seed))


def _moved(original: Callable[..., Any], by: int) -> Callable[..., Any]:
    """Return a seeding function that moves whole numbers; what else is a seed stays."""

    @functools.wraps(original)
    def seeding(*args: Any, **options: Any) -> Any:
        args = tuple(_move(value, by) for value in args)
        return original(*args, **{name: _move(value, by) for name, value in options.items()})

    return seeding


def _move(value: Any, by: int) -> Any:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return (int(value) + by) % _MOST if whole else value


def _fix_generators(seed: int) -> None:
    """Seed generators of NumPy that are made without a seed: each of them differently."""
    original, made = np.random.default_rng, 0

    @functools.wraps(original)
    def default_rng(given: Any = None) -> np.random.Generator:
        nonlocal made
        if given is not None:
            return original(_move(given, seed))
        made += 1
        return original([seed, made])

    setattr(np.random, "default_rng", default_rng)  # noqa: B010 -- of another type
