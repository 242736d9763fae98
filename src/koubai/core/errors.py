"""Errors that say where, what was expected, what came, and what to try.

Context is added once, at the door: a layer raises with the arithmetic, the network adds the path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

# What settings are called in other libraries -> what they are called here, the first that is there.
ELSEWHERE = {
    "lr": ("learning_rate",),
    "eta": ("learning_rate",),
    "learning_rate_init": ("learning_rate",),
    "alpha": ("weight_decay", "slope"),
    "eps": ("epsilon", "delta"),
    "rho": ("decay",),
    "kernel_size": ("kernel", "size"),
    "pool_size": ("size",),
    "strides": ("stride",),
    "filters": ("out_channels",),
    "units": ("out_features",),
    "p": ("ratio",),
    "rate": ("ratio",),
    "negative_slope": ("slope",),
    "num_groups": ("groups",),
    "num_classes": ("classes",),
    "n_classes": ("classes",),
    "hidden_layer_sizes": ("hidden",),
    "solver": ("optimizer",),
    "criterion": ("loss",),
    "loss_fn": ("loss",),
    "random_state": ("seed",),
    "bs": ("batch_size",),
    "max_iter": ("epochs", "steps"),
    "n_epochs": ("epochs", "steps"),
    "num_epochs": ("epochs", "steps"),
    "iterations": ("steps",),
    "max_steps": ("steps",),
    "verbose": ("progress",),
    "num_threads": ("threads",),
    "n_jobs": ("threads",),
    "scheduler": ("schedule",),
}


class KoubaiError(Exception):
    """Base of every error koubai raises on purpose."""

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        expected: object = None,
        got: object = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.expected = expected
        self.got = got
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        lines = [head]
        if self.expected is not None:
            lines.append(f"  expected: {self.expected}")
        if self.got is not None:
            lines.append(f"  got:      {self.got}")
        if self.hint:
            lines.append(f"  try:      {self.hint}")
        return "\n".join(lines)


class ShapeError(KoubaiError):
    """A tensor shape that the next layer cannot take."""


class SettingError(KoubaiError, ValueError):
    """A number given to a layer, a loss or an optimizer that lies outside its range."""


class TooLarge(KoubaiError, MemoryError):
    """Work that needs more memory than there is; raised before any of it is taken (koubai.core.memory)."""


class DataError(KoubaiError):
    """A data file or array that is not what it claims to be."""


class EngineError(KoubaiError):
    """An engine cannot run what it was asked to run."""


class ToldElsewhere(EngineError):
    """An error that another process of the same run tells: this one ends without a word."""


class RunError(KoubaiError):
    """A run folder that cannot be written, read or resumed."""


class UnknownName(KoubaiError, KeyError):
    """A name that is not in its registry; carries the nearest one."""

    def __init__(self, kind: str, name: str, choices: Iterable[str], *, where: str | None = None):
        names = sorted(choices)
        near = nearest(name, names)
        super().__init__(
            f"unknown {kind} {name!r}",
            where=where,
            expected="one of " + ", ".join(names),
            hint=f"did you mean {near!r}?" if near else None,
        )
        self.nearest = near


class UnknownSetting(KoubaiError, TypeError):
    """A keyword that a class does not take; carries the nearest one it does."""

    def __init__(self, what: str, name: str, choices: Iterable[str]):
        names = list(choices)
        near = nearest(name, names)
        super().__init__(
            f"{what} has no setting {name!r}",
            expected="one of " + ", ".join(names) if names else None,
            hint=f"did you mean {near!r}?" if near else None,
        )


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a configuration: where it stands, and what to try."""

    path: str
    message: str
    line: int | None = None
    hint: str | None = None

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line is not None else ""
        text = f"{place}{self.path}: {self.message}" if self.path else f"{place}{self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class ConfigError(KoubaiError):
    """Every problem of a configuration at once."""

    def __init__(self, source: str, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        count = len(self.problems)
        body = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''}{body}", where=source)


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice closest to a mistyped name, or None when nothing is close.

    Words of other libraries lead to those that are used here.

    >>> nearest("sigmoyd", ["relu", "sigmoid", "tanh"]), nearest("lr", ["learning_rate", "delta"])
    ('sigmoid', 'learning_rate')
    """
    by_folded = {choice.lower().replace("-", "_"): choice for choice in choices}
    folded = name.lower().replace("-", "_")
    for meant in ELSEWHERE.get(folded, ()):
        if meant in by_folded:
            return by_folded[meant]
    found = get_close_matches(folded, by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None
