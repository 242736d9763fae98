"""From what a source reads to what a network trains on: some classes, some samples, label noise, scales.

Every source is prepared by the same steps, in this order, whatever it reads:

1. `classes`: keep samples of these classes only; the i-th of them becomes class i.
2. `validation`: the last samples of the training part become the validation part. Of arrays whose parts
   were given, and so may be sorted, they are drawn at random instead, each class by its share.
3. `train`, `test`: keep the first samples of what is left of each part.
4. `label_noise`: give a share of the training samples a label drawn at random.
5. `scale`: see `scaled`.
6. `target_scale`: see `scaled_targets`.
7. `class_weight`: see `weighted`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from koubai.core import random
from koubai.core.arrays import numbers_of
from koubai.core.errors import DataError
from koubai.core.params import Array
from koubai.data.levels import Inputs, Levels
from koubai.data.order import Split, mixed, reorder
from koubai.data.prepared import prepared
from koubai.data.scale import InputScale, ScaleName, TargetScale, TargetUnits
from koubai.data.scheme import TableScheme

ClassWeight = tuple[float, ...] | Literal["balanced"] | None


@dataclass(frozen=True)
class DataFile:
    """One file that was read: is it (unpacked) the published one? None where no digest was published."""

    name: str
    sha256: str
    published: bool | None


@dataclass(frozen=True)
class Raw:
    """Samples as stored, before any preparation.

    `top` is the stored value that stands for 1 (255 for bytes), None where there is no such value. `private`:
    nobody else holds these arrays, so that they may be changed where they lie.
    `classes` is None where targets are values. `before` is the scale on which inputs are already, which come
    from another source.
    """

    x_train: Array
    t_train: Array
    x_test: Array
    t_test: Array
    x_val: Array = field(default_factory=lambda: np.zeros((0,), np.float32))
    t_val: Array = field(default_factory=lambda: np.zeros((0,), np.int64))
    classes: int | None = None
    class_names: tuple[str, ...] = ()
    top: float | None = None
    files: tuple[DataFile, ...] = ()
    before: InputScale | None = None
    private: bool = False
    w_train: Array | None = None  # weights (n,) of training samples
    scheme: TableScheme | None = None  # how a table's columns became inputs
    parted: Split = ""  # how the training part was told from the test part; "" where they come as published


def keep_classes(raw: Raw, wanted: tuple[int, ...], where: str) -> Raw:
    """Keep the samples of `wanted` classes, which become classes 0, 1, 2 ... in that order."""
    if raw.classes is None:
        raise DataError("only_classes_can_be_chosen", where=where, got=wanted)
    if not wanted or len(set(wanted)) != len(wanted) or not all(0 <= k < raw.classes for k in wanted):
        raise DataError("no_such_choice_of_classes", range=f"0 .. {raw.classes - 1}", where=where, got=wanted)
    new_label = np.full(raw.classes, -1, np.int64)
    new_label[list(wanted)] = np.arange(len(wanted))

    def part(x: Array, t: Array) -> tuple[Array, Array]:
        t = new_label[t]
        return x[t >= 0], t[t >= 0]

    kept = new_label[raw.t_train] >= 0
    x_train, t_train = part(raw.x_train, raw.t_train)
    x_val, t_val = part(raw.x_val, raw.t_val)
    x_test, t_test = part(raw.x_test, raw.t_test)
    names = tuple(raw.class_names[k] if raw.class_names else str(k) for k in wanted)
    return replace(
        raw,
        x_train=x_train,
        t_train=t_train,
        x_val=x_val,
        t_val=t_val,
        x_test=x_test,
        t_test=t_test,
        classes=len(wanted),
        class_names=names,
        w_train=None if raw.w_train is None else raw.w_train[kept],
    )


def take_samples(raw: Raw, train: int | None, test: int | None, validation: int, where: str) -> Raw:
    """Cut off the validation part from the end of the training part, then keep the first of each.

    A validation part that a source brings along stays if no other is asked for.
    """
    if not len(raw.x_train):
        raise DataError("no_training_samples", where=where)
    pool = len(raw.x_train) - validation
    if pool < 1:
        raise DataError(
            "validation_leaves_no_training_samples",
            where=where,
            expected=f"< {len(raw.x_train)}",
            got=validation,
        )
    for name, wanted, there in (("train", train, pool), ("test", test, len(raw.x_test))):
        if wanted is not None and wanted > there:
            raise DataError(
                "not_so_many_samples", setting=name, where=where, expected=f"<= {there}", got=wanted
            )
    if validation and raw.parted == "given":
        raw = _in_random_order(raw)
    return replace(
        raw,
        x_train=raw.x_train[:pool][:train],
        t_train=raw.t_train[:pool][:train],
        x_val=raw.x_train[pool:] if validation else raw.x_val,
        t_val=raw.t_train[pool:] if validation else raw.t_val,
        x_test=raw.x_test[:test],
        t_test=raw.t_test[:test],
        w_train=None if raw.w_train is None else raw.w_train[:pool][:train],
    )


def _in_random_order(raw: Raw) -> Raw:
    """Return the training part in random order, of classes evenly."""
    labels = None if raw.classes is None else raw.t_train
    order, _ = mixed(random.key(0, "validation"), labels, len(raw.t_train))
    kept = None if raw.w_train is None else raw.w_train[order]
    if raw.private:
        reorder(raw.x_train, order)
        reorder(raw.t_train, order)
        return replace(raw, w_train=kept)
    return replace(raw, x_train=raw.x_train[order], t_train=raw.t_train[order], w_train=kept)


def with_label_noise(raw: Raw, share: float, seed: int, where: str) -> Raw:
    """Give round(share * n) training samples a label drawn uniformly from all classes.

    A drawn label may be the right one: of K classes, a share of about share * (1 - 1 / K) ends up wrong.
    Validation and test labels stay right. Source: Zhang et al. 2017, "Understanding deep learning
    requires rethinking generalization", section 2.1 (partially corrupted labels).
    """
    if raw.classes is None:
        raise DataError("label_noise_needs_classes", where=where, got=share)
    n = len(raw.t_train)
    chosen = random.permutation(random.key(seed, "label noise"), n)[: round(share * n)]
    t_train = raw.t_train.copy()
    t_train[chosen] = random.indices(random.key(seed, "noisy label"), 0, len(chosen), raw.classes)
    return replace(raw, t_train=t_train)


def scaled_inputs(raw: Raw, how: ScaleName) -> dict[str, Inputs]:
    """Return x_train, x_val and x_test on the scale `how`: float32 numbers, or Levels that stand for such.

    | scale    | x                                                                               |
    |----------|---------------------------------------------------------------------------------|
    | raw      | as stored                                                                       |
    | unit     | x / top; without a top (x - min) / (max - min), per channel, of training part   |
    | bytes    | 255 times unit: what pixels are in a file                                       |
    | standard | (x - mean) / standard deviation, per channel (axis 1), of the training part     |
    | robust   | (x - median) / (distance of the quartiles / 1.349), likewise, limited to [-5, 5] |

    A channel that is constant in the training part is only shifted; one whose quartiles are equal is divided
    by its standard deviation. "robust" is "standard" where numbers are normal, and does not mind a few that
    are far off, which it brings near. Bytes whose channels go the same way stay bytes.
    """
    scale = InputScale.fit(raw.x_train, how, raw.top)

    def part(x: Array) -> Inputs:
        if x.dtype == np.uint8 and scale.even:
            used = sum(other.size for other in parts.values() if other.base is x.base)
            few = x.base is not None and 4 * used < 3 * x.base.size  # they must not keep all in memory
            numbers = ((scale.shift, 0), (scale.width, 1))
            way = (np.float32(other if n is None else n.item()) for n, other in numbers)
            return Levels(x.copy() if few else np.ascontiguousarray(x), *way)
        # A copy, unless nobody else holds them: prepared arrays are locked, the caller's own must not be.
        return prepared(scale.apply(x, own=raw.private), scale.after(raw.before))

    parts = {f"x_{name}": getattr(raw, f"x_{name}") for name in ("train", "val", "test")}
    return {name: part(x) for name, x in parts.items()}


def scaled_targets(raw: Raw, how: TargetScale, where: str) -> tuple[Raw, TargetUnits | None]:
    """Return the samples with targets on the scale `how`, and the units they came from (None: as stored).

    | target_scale | t                                                                 |
    |--------------|-------------------------------------------------------------------|
    | raw          | as stored                                                         |
    | standard     | (t - mean) / standard deviation, per output, of the training part |

    An output that is constant in the training part is only shifted. Losses and predictions are then in units
    of the scaled targets: a squared error of .04 is one of .2 standard deviations.
    """
    if how == "raw":
        return raw, None
    if raw.classes is not None:
        raise DataError("target_scale_needs_values", where=where, got=how)
    units = TargetUnits.fit(raw.t_train)
    t_train, t_val, t_test = (
        units.scaled(t, own=raw.private) if len(t) else t for t in (raw.t_train, raw.t_val, raw.t_test)
    )
    return replace(raw, t_train=t_train, t_val=t_val, t_test=t_test), units


def weighted(raw: Raw, how: ClassWeight, where: str) -> Array | None:
    """Return the weights (n,) of the training samples: their own times those of their classes; None: all 1.

    "balanced" gives class k the weight n / (K n_k), with n_k its samples and K the classes that have any:
    King and Zeng 2001, "Logistic regression in rare events data".
    """
    if how is None:
        return raw.w_train
    if raw.classes is None:
        raise DataError("class_weight_needs_classes", where=where, got=how)
    own = np.ones(len(raw.t_train)) if raw.w_train is None else raw.w_train
    if how == "balanced":
        sizes = np.bincount(raw.t_train, own, raw.classes)
        of_class = np.divide(
            sizes.sum(), sizes * (sizes > 0).sum(), out=np.zeros(raw.classes), where=sizes > 0
        )
    else:
        of_class = numbers_of(how, "class_weight", where)
        if of_class.shape != (raw.classes,) or not (np.isfinite(of_class) & (of_class >= 0)).all():
            raise DataError("class_weight_needs_one_number_a_class", count=raw.classes, where=where, got=how)
    return own * of_class[raw.t_train]


def split(x: Array, t: Array, test_share: float) -> tuple[Array, Array, Array, Array]:
    """Return x_train, t_train, x_test, t_test: the last `test_share` of the samples are the test part."""
    at = len(x) - round(len(x) * test_share)
    return x[:at], t[:at], x[at:], t[at:]
