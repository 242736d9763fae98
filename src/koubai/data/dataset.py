"""Dataset: arrays with their split. DataSource: the description a recipe holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from koubai.core.errors import DataError
from koubai.core.params import Array, Shape
from koubai.core.registry import Registry

DATA = Registry("data set")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and targets, split.

    | field                    | shape                                        |
    |--------------------------|----------------------------------------------|
    | x_train, x_val, x_test   | (n, ...) float32                             |
    | t_train, t_val, t_test   | (n,) int64 classes, or (n, K) float32 values |

    `classes` is None for regression. A validation part may be empty; choices are never made on the test part.
    """

    name: str
    x_train: Array
    t_train: Array
    x_test: Array
    t_test: Array
    x_val: Array = field(default_factory=lambda: np.zeros((0,), np.float32))
    t_val: Array = field(default_factory=lambda: np.zeros((0,), np.int64))
    classes: int | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in ("train", "val", "test"):
            x, t = getattr(self, f"x_{part}"), getattr(self, f"t_{part}")
            if len(x) != len(t):
                raise DataError(
                    f"{part}: inputs and targets differ in number", where=self.name, expected=len(x), got=len(t)
                )
            if self.classes is not None and len(t) and not (0 <= t.min() and t.max() < self.classes):
                raise DataError(
                    f"{part}: a label is not a class",
                    where=self.name,
                    expected=f"0 .. {self.classes - 1}",
                    got=f"{t.min()} .. {t.max()}",
                )
        if len(self.x_train) == 0:
            raise DataError("no training samples", where=self.name)

    @property
    def in_shape(self) -> Shape:
        """Shape of one sample."""
        return tuple(self.x_train.shape[1:])

    @cached_property
    def sha256(self) -> str:
        """Digest of all arrays, recorded with every run."""
        digest = hashlib.sha256()
        for part in (self.x_train, self.t_train, self.x_val, self.t_val, self.x_test, self.t_test):
            digest.update(str((part.shape, part.dtype.str)).encode())
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class DataSource:
    """Base of all data descriptions; a frozen part of a Recipe."""

    registry_name: ClassVar[str] = ""

    def load(self, folder: Path | None = None) -> Dataset:
        """Return the arrays; `folder` is where files of this set may lie."""
        raise NotImplementedError
