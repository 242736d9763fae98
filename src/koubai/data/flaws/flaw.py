"""Flaw: one thing that is wrong with data, done to sound data on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from koubai.core.params import Array
from koubai.core.registry import Registry
from koubai.data.prepare import Raw

FLAWS = Registry("flaw")


@dataclass(frozen=True)
class Flaw:
    """Base of all flaws.

    A flaw of samples or labels is one of the training part alone: validation and test part stay as they are,
    so that a run on flawed data and one on sound data are judged by the same samples. A flaw of the inputs is
    one of every part, as whatever measures wrongly does so before and after training.
    """

    registry_name: ClassVar[str] = ""
    of_inputs: ClassVar[bool] = False  # whether it changes numbers, not only which samples there are

    def spoil(self, raw: Raw, key: int) -> Raw:
        """Return the samples, whose inputs are float32, with this flaw; `key` addresses its random numbers.

        Raises:
            DataError: these data cannot have it.
        """
        raise NotImplementedError


def with_inputs(raw: Raw, change: Callable[[Array, str], Array]) -> Raw:
    """Return samples whose inputs are `change(inputs, part)` in every part that has any."""
    parts = {part: getattr(raw, f"x_{part}") for part in ("train", "val", "test")}
    changed: dict[str, Any] = {f"x_{part}": change(x, part) for part, x in parts.items() if len(x)}
    return replace(raw, **changed)
