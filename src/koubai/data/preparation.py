"""Preparation: all that lies between what a source stores and what a network learns from, as one value.

It belongs to the trained network, and goes with it into runs, folders and files. The rule everywhere:

| given to `predict`                                                | what is done                          |
|-------------------------------------------------------------------|---------------------------------------|
| an array of numbers: inputs as the source stores them (pixels 0 to | prepared as the training inputs were  |
| 255, features in their own units)                                 |                                       |
| inputs of a Dataset (`dataset.x_test`, rows of it, `inputs(...)`) | taken as they are: they carry a mark  |
| what was computed from them (`dataset.x_test + noise`)            | refused: it may be on either scale    |
| anything, with `prepared=True`                                    | taken as it is                        |
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from koubai.core.arrays import as_type, check_kept, numbers_of, samples
from koubai.core.errors import DataError
from koubai.core.params import Array, Shape
from koubai.data.frames import columns_of, is_frame
from koubai.data.levels import Inputs, Levels
from koubai.data.prepared import Prepared
from koubai.data.scale import InputScale, TargetUnits
from koubai.data.scheme import TableScheme
from koubai.words.phrase import phrase


@dataclass(frozen=True, eq=False)
class Preparation:
    """How inputs and targets were prepared, and what the classes are called.

    | field       | meaning                                                             |
    |-------------|---------------------------------------------------------------------|
    | scale       | of the inputs                                                       |
    | units       | of targets that are values; None where they are as stored           |
    | classes     | how many; None where targets are values                             |
    | class_names | of class 0, 1, 2 ...; () where they have none                       |
    | scheme      | how a table's columns become inputs; None where there was no table  |
    """

    scale: InputScale = field(default_factory=InputScale)
    units: TargetUnits | None = None
    classes: int | None = None
    class_names: tuple[str, ...] = ()
    scheme: TableScheme | None = None

    def inputs(self, x: Any, in_shape: Shape, where: str) -> Inputs:
        """Return inputs (n, *in_shape) as the network takes them.

        Raises:
            ShapeError: inputs of another shape.
            DataError: no numbers, numbers that were prepared in another way or look prepared already.
        """
        if self.scheme is not None and is_frame(x):
            x = self.scheme.encode(columns_of(x, where), where)
        mark = x.scale if isinstance(x, Levels | Prepared) else None
        if isinstance(mark, InputScale) and not mark.identity:
            own_arrays = self.scale.identity and self.scale.stored == "float32"
            if not own_arrays and not mark.same(self.scale):
                raise DataError(
                    "inputs_prepared_in_another_way", where=where, hint=phrase("take_inputs_as_they_are")
                )
            if isinstance(x, Prepared) and x.computed and not self.scale.identity:
                raise DataError("inputs_computed_from_prepared", where=where)
            return x
        array = samples(
            np.asarray(x) if isinstance(x, Levels) else numbers_of(x, "x", where), in_shape, where
        )
        if self.scale.identity:
            return array
        first = self.scale.innermost
        _check_unprepared(array, first, where)
        stored = "float64" if first.stored == "float64" else "float32"
        with np.errstate(all="ignore"):
            scaled = self.scale.apply(as_type(array, stored, "x", where))
        check_kept(array, scaled, "x", where)
        return scaled

    def outputs(self, y: Array) -> Array:
        """Return a network's outputs (n, K), where they are predicted values in the units of the source."""
        return y if self.units is None else self.units.stored(y)

    def names(self, classes: Array) -> Array:
        """Return the names of classes (n,): text, or the numbers themselves where they have no names."""
        return np.array(self.class_names)[classes] if self.class_names else classes

    def to_json(self) -> str:
        """Return it as JSON; equal preparations give equal text."""
        units = None if self.units is None else self.units.plain()
        plain: dict[str, Any] = {
            "scale": self.scale.plain(),
            "units": units,
            "classes": self.classes,
            "class_names": list(self.class_names),
        }
        if self.scheme is not None:
            plain["table"] = self.scheme.plain()
        return json.dumps(plain, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, in_shape: Shape, out_shape: Shape) -> Preparation:
        """Return the preparation in a text; ValueError unless it fits a network of these shapes."""
        try:
            plain = json.loads(text)
            scale, units = InputScale.read(plain["scale"]), plain["units"]
            classes, names = plain["classes"], tuple(map(str, plain["class_names"]))
            table = plain.get("table")
            scheme = None if table is None else TableScheme.read(table)
            made = cls(scale, None if units is None else TargetUnits.read(units), classes, names, scheme)
            made._check(in_shape, out_shape)
        except (AttributeError, KeyError, OverflowError, RecursionError, TypeError) as error:
            raise ValueError(f"no preparation: {error!r}") from None
        return made

    def _check(self, in_shape: Shape, out_shape: Shape) -> None:
        """Raise ValueError unless it fits a network of these shapes."""
        scale: InputScale | None = self.scale
        while scale is not None:
            for numbers in (scale.shift, scale.width):
                if numbers is not None:
                    np.broadcast_to(numbers, (1, *in_shape))
            scale = scale.before
        if self.units is not None and self.units.shift.shape != out_shape:
            raise ValueError("units of other outputs")
        if self.classes is not None and not (isinstance(self.classes, int) and self.classes >= 1):
            raise ValueError("no number of classes")
        if self.scheme is not None and in_shape != (len(self.scheme.names),):
            raise ValueError("a table of other columns")
        if self.class_names and len(self.class_names) != self.classes:
            raise ValueError("names of other classes")


def _check_unprepared(x: Array, scale: InputScale, where: str) -> None:
    """Refuse numbers that the source cannot have stored and that look as if they were prepared already.

    Where 0 to `width` became 0 to 1, fractions of 1 are no stored numbers; where bytes were stored, nothing
    below 0 or above 255 is.
    """
    finite = np.isfinite(x)
    if not finite.any():
        return
    low, high = float(x[finite].min()), float(x[finite].max())
    fractions = high <= 1 and bool((x[finite] != np.floor(x[finite])).any())
    top = None if scale.shift is not None or scale.width is None else float(scale.width.max())
    if scale.stored == "uint8" and (low < 0 or high > 255):
        expected = phrase("bytes_0_to_255")
    elif (scale.stored == "uint8" or (top is not None and top > 1)) and low >= 0 and fractions:
        expected = phrase("numbers_from_0_to", top=255 if top is None else top)
    else:
        return
    raise DataError(
        "inputs_look_prepared_already",
        where=where,
        expected=expected,
        got=f"{low:g} .. {high:g}",
        hint=phrase("take_inputs_as_they_are"),
    )
