"""Checks of settings: the numbers a layer, a loss or an optimizer is made with."""

from __future__ import annotations

from typing import Any

from koubai.core.errors import SettingError


def _numbers(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def at_least(owner: object, bound: float, **settings: Any) -> None:
    """Raise SettingError unless each setting (of a pair: each number) is at least `bound`."""
    for name, value in settings.items():
        if not all(number >= bound for number in _numbers(value)):
            raise SettingError(
                f"{name} is out of range", where=type(owner).__name__, expected=f">= {bound}", got=value
            )


def above(owner: object, bound: float, **settings: Any) -> None:
    """Raise SettingError unless each setting is greater than `bound`."""
    for name, value in settings.items():
        if not all(number > bound for number in _numbers(value)):
            raise SettingError(
                f"{name} is out of range", where=type(owner).__name__, expected=f"> {bound}", got=value
            )


def share(owner: object, **settings: float) -> None:
    """Raise SettingError unless each setting is a share: 0 <= value < 1."""
    for name, value in settings.items():
        if not 0 <= value < 1:
            raise SettingError(
                f"{name} is out of range", where=type(owner).__name__, expected="0 <= value < 1", got=value
            )
