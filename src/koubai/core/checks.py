"""Checks of settings: the numbers a layer, a loss or an optimizer is made with."""

from __future__ import annotations

from collections.abc import Callable
from math import isinf
from numbers import Integral, Real
from typing import Any

from koubai.core.errors import SettingError
from koubai.words.phrase import phrase


def _numbers(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _refuse(owner: object, name: str, value: Any, expected: str) -> None:
    numbers = all(isinstance(number, Real) for number in _numbers(value))
    infinite = numbers and any(map(isinf, _numbers(value)))
    raise SettingError(
        "out_of_range" if numbers else "not_a_number",
        setting=name,
        where=type(owner).__name__,
        expected=phrase("finite_number") if infinite else expected,
        got=value if numbers else repr(value),
    )


def _require(owner: object, settings: dict[str, Any], bound: Callable[[Any], bool], expected: str) -> None:
    """Raise SettingError unless each setting, of a pair each number, is a number and within a bound."""
    for name, value in settings.items():
        if not all(isinstance(number, Real) and bound(number) for number in _numbers(value)):
            _refuse(owner, name, value, expected)


def at_least(owner: object, bound: float, **settings: Any) -> None:
    """Raise SettingError unless each setting (of a pair: each number) is finite and at least `bound`."""
    _require(owner, settings, lambda number: number >= bound and not isinf(number), f">= {bound}")


def whole(owner: object, bound: int, **settings: Any) -> None:
    """Raise SettingError unless each setting (of a pair: each number) is whole and at least `bound`."""
    at_least(owner, bound, **settings)
    for name, value in settings.items():
        if not all(isinstance(number, Integral) for number in _numbers(value)):
            where = type(owner).__name__
            raise SettingError(
                "not_a_whole_number", setting=name, where=where, expected=f">= {bound}", got=value
            )


def above(owner: object, bound: float, **settings: Any) -> None:
    """Raise SettingError unless each setting is finite and greater than `bound`."""
    _require(owner, settings, lambda number: number > bound and not isinf(number), f"> {bound}")


def share(owner: object, **settings: float) -> None:
    """Raise SettingError unless each setting is a share: 0 <= value < 1."""
    _require(owner, settings, lambda number: 0 <= number < 1, phrase("from_0_to_below_1"))


def probability(owner: object, **settings: float) -> None:
    """Raise SettingError unless each setting is a probability: 0 <= value <= 1."""
    _require(owner, settings, lambda number: 0 <= number <= 1, phrase("from_0_to_1"))


def seed(owner: object, **settings: int) -> None:
    """Raise SettingError unless each setting is a seed as scikit-learn takes it."""
    _require(owner, settings, lambda number: 0 <= number < 1 << 32, f"0 .. {(1 << 32) - 1}")
