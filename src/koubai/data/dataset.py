"""Dataset: arrays with their split. DataSource: the description a recipe holds."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from koubai.core.arrays import batch
from koubai.core.errors import DataError, UnknownName
from koubai.core.memory import require_memory
from koubai.core.params import Array, Shape
from koubai.core.registry import Registry
from koubai.data.augment.augmentation import AUGMENTATIONS, Augmentation
from koubai.data.levels import Inputs, Levels
from koubai.data.order import Split
from koubai.data.preparation import Preparation
from koubai.data.prepare import (
    ClassWeight,
    DataFile,
    Raw,
    keep_classes,
    scaled_inputs,
    scaled_targets,
    take_samples,
    weighted,
    with_label_noise,
)
from koubai.data.prepared import Prepared, prepared
from koubai.data.sampler import check_weights
from koubai.data.scale import SCALES, TARGET_SCALES, InputScale, ScaleName, TargetScale, TargetUnits
from koubai.data.scheme import TableScheme
from koubai.data.typed import typed_inputs, typed_targets
from koubai.words.phrase import term

DATA = Registry("data set")
PARTS = ("train", "val", "test")
_INPUTS = tuple(f"x_{part}" for part in PARTS)
_BLOCK = 5000  # samples hashed at once
_MADE = 56  # bytes for each number that is made: drawn and joined in float64, brought to float32


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and targets, split.

    | field                    | shape                                        |
    |--------------------------|----------------------------------------------|
    | x_train, x_val, x_test   | (n, ...) float32                             |
    | t_train, t_val, t_test   | (n,) int64 classes, or (n, K) float32 values |
    | w_train                  | (n,) weights >= 0 of training samples, float64; None: all the same |

    `classes` is None for regression. A validation part may be empty; choices are never made on the test part.
    `files` names the files that were read, with their digests. Inputs may be given as Levels: they become
    numbers when these are first asked for, which an engine never does (`inputs`). `target_units` says how
    targets were brought to their scale, None where they are as stored (`as_stored`). `parted` says how the
    parts were told from one another (`koubai.data.understood`).

    Inputs that a source prepared carry a mark of their scale (`koubai.data.prepared`), by which `predict`
    knows that they are not to be prepared again; arrays of one's own are inputs as they are stored. Arrays of
    other types become those of the table, or a DataError.
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
    files: tuple[DataFile, ...] = ()
    target_units: TargetUnits | None = None
    w_train: Array | None = None
    scheme: TableScheme | None = None
    parted: Split = ""

    def __post_init__(self) -> None:
        names = [name for name in _INPUTS if isinstance(getattr(self, name), Levels)]
        levels: dict[str, Levels] = {name: self.__dict__.pop(name) for name in names}
        object.__setattr__(self, "_levels", levels)
        for part in PARTS:
            if f"x_{part}" not in names:
                object.__setattr__(
                    self, f"x_{part}", typed_inputs(getattr(self, f"x_{part}"), f"x_{part}", self.name)
                )
            t = typed_targets(getattr(self, f"t_{part}"), self.classes, f"t_{part}", self.name)
            object.__setattr__(self, f"t_{part}", t)
            x, t = self.inputs(part), getattr(self, f"t_{part}")
            if len(x) != len(t):
                raise DataError(
                    "inputs_and_targets_differ_in_number",
                    part=term("part", part),
                    where=self.name,
                    expected=len(x),
                    got=len(t),
                )
            if len(x) and x.shape[1:] != self.in_shape:
                raise DataError(
                    "samples_of_a_part_have_another_shape",
                    part=term("part", part),
                    where=self.name,
                    expected=self.in_shape,
                    got=x.shape[1:],
                )
        if len(self.t_train) == 0:
            raise DataError("no_training_samples", where=self.name)
        if self.w_train is not None:
            object.__setattr__(self, "w_train", check_weights(self.w_train, len(self.t_train), self.name))

    def __getattr__(self, name: str) -> Array:
        """Numbers of inputs that are kept as Levels, made when first asked for."""
        if name not in self.__dict__.get("_levels", ()):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name)
        levels: Levels = self.__dict__["_levels"][name]
        numbers = prepared(np.asarray(levels), levels.scale)
        numbers.setflags(write=False)
        object.__setattr__(self, name, numbers)
        return numbers

    def inputs(self, part: str) -> Inputs:
        """Return a part's inputs as they are kept, which is what an engine should be given."""
        name = f"x_{part}"
        return self._levels[name] if name in self._levels else getattr(self, name)

    def as_stored(self, y: Array) -> Array:
        """Return predictions (or targets), (n, K), in the units the targets were stored in.

        Raises:
            ShapeError, DataError: no numbers of that shape.
        """
        units = self.target_units
        return y if units is None else units.stored(batch(y, units.shift.shape, "y", self.name))

    @property
    def input_scale(self) -> InputScale:
        """What was done to the inputs, by the mark they carry; nothing where they carry none."""
        x = self.inputs("train")
        mark = x.scale if isinstance(x, Levels | Prepared) else None
        return mark or InputScale()

    @property
    def preparation(self) -> Preparation:
        """How inputs and targets were prepared, as a value that goes along with what was trained on them."""
        units, names = self.target_units, self.class_names
        return Preparation(self.input_scale, units, self.classes, names, self.scheme)

    @property
    def in_shape(self) -> Shape:
        """Shape of one sample."""
        return tuple(self.inputs("train").shape[1:])

    @cached_property
    def sha256(self) -> str:
        """Digest of all arrays, recorded with every run."""
        digest = hashlib.sha256()
        for part in PARTS:
            for values in (self.inputs(part), getattr(self, f"t_{part}")):
                digest.update(str((values.shape, np.asarray(values[:0]).dtype.str)).encode())
                for start in range(0, len(values), _BLOCK):  # numbers of Levels need not all be there at once
                    digest.update(np.ascontiguousarray(values[start : start + _BLOCK]).data)
        if self.w_train is not None:
            digest.update(self.w_train.data)
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """Base of all data descriptions; a frozen part of a Recipe.

    A subclass reads its samples as they are stored; how they are prepared is described here, the same for
    every source (the steps, in their order, are in `koubai.data.prepare`):

    | field        | meaning                                                                            |
    |--------------|------------------------------------------------------------------------------------|
    | train, test  | keep the first so many samples of the part; None keeps all                         |
    | validation   | so many samples of the training part become the validation part                    |
    | classes      | keep these classes only and number them again; None keeps all                      |
    | label_noise  | share of the training samples that get a label at random                           |
    | noise_seed   | which samples and labels these are                                                 |
    | scale        | inputs: "raw" as stored, "unit", "bytes", "standard" or "robust"                   |
    | target_scale | targets that are values: "raw" as stored, or "standard"                            |
    | class_weight | how much a training sample of class 0, 1, 2 ... counts; "balanced": every class    |
    |              | counts the same as a whole; None: every sample the same                            |
    | augment      | how every training batch is altered, in turn (koubai.data.augment)                 |

    "unit" means 0 to 1, "bytes" 0 to 255, "standard" mean 0 and standard deviation 1, and "robust" the same
    where a few values are far off.

    A weight is how often a sample is drawn into batches (`koubai.data.sampler`); scores count samples alike.

    With `target_scale = "standard"` losses are in units of the scaled targets; `run.predict` takes inputs and
    returns values as they are stored.
    """

    registry_name: ClassVar[str] = ""

    train: int | None = None
    test: int | None = None
    validation: int = 0
    classes: tuple[int, ...] | None = None
    label_noise: float = 0.0
    noise_seed: int = 0
    scale: ScaleName = "raw"
    target_scale: TargetScale = "raw"
    class_weight: ClassWeight = None
    augment: tuple[Augmentation, ...] = ()

    def __post_init__(self) -> None:
        where = type(self).__name__
        if self.classes is not None:
            object.__setattr__(self, "classes", tuple(self.classes))  # a list may come, a hash must work
        if isinstance(self.class_weight, list):
            object.__setattr__(self, "class_weight", tuple(self.class_weight))
        if self.scale not in SCALES:
            raise UnknownName("scale", self.scale, SCALES, where=where)
        if self.target_scale not in TARGET_SCALES:
            raise UnknownName("target scale", self.target_scale, TARGET_SCALES, where=where)
        object.__setattr__(self, "augment", tuple(self.augment))
        for way in self.augment:
            if not isinstance(way, Augmentation):
                raise DataError(
                    "not_an_augmentation",
                    where=where,
                    expected=", ".join(AUGMENTATIONS.by_class_name()),
                    got=repr(way),
                )
        if not 0 <= self.label_noise <= 1:
            raise DataError(
                "not_a_share", setting="label_noise", where=where, expected="0 .. 1", got=self.label_noise
            )
        for name, least in (("train", 1), ("test", 0), ("validation", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise DataError(
                    "not_a_number_of_samples", setting=name, where=where, expected=f">= {least}", got=value
                )

    def load(self, folder: Path | None = None) -> Dataset:
        """Return the prepared arrays; `folder` is where files of this set may lie.

        The arrays are shared by all who load the same source, and therefore locked: copy before writing.

        Raises:
            TooLarge: a source that makes its samples would make more than the memory holds.
        """
        require_memory({"data": _MADE * self.values()}, self.registry_name)
        plain = replace(self, augment=()) if self.augment else self  # which is done to batches, later
        return _load(plain, folder, self.stamp(folder))

    def read(self, folder: Path | None) -> Raw:
        """Return the samples as stored; `folder` is the data folder, None the usual one."""
        raise NotImplementedError

    def values(self) -> int:
        """Return how many numbers, inputs and targets, `read` makes; 0 where files say how much there is."""
        return 0

    def stamp(self, folder: Path | None) -> Hashable:
        """Return what changes when this source's files change; arrays are kept while it stays equal."""
        return None


@lru_cache(maxsize=4)
def _load(source: DataSource, folder: Path | None, stamp: Hashable) -> Dataset:
    name = source.registry_name
    raw = source.read(folder)
    if source.classes is not None:
        raw = keep_classes(raw, source.classes, name)
    raw = take_samples(raw, source.train, source.test, source.validation, name)
    if source.label_noise:
        raw = with_label_noise(raw, source.label_noise, source.noise_seed, name)
    raw, units = scaled_targets(raw, source.target_scale, name)
    parts: dict[str, Any] = scaled_inputs(raw, source.scale) | {
        f"t_{part}": getattr(raw, f"t_{part}") for part in PARTS
    }
    for part in parts.values():
        (part.codes if isinstance(part, Levels) else part).setflags(write=False)
    return Dataset(
        name,
        classes=raw.classes,
        class_names=raw.class_names,
        files=raw.files,
        target_units=units,
        w_train=weighted(raw, source.class_weight, name),
        scheme=raw.scheme,
        parted=raw.parted,
        **parts,
    )
