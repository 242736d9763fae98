"""Column: one quantity at one path, step by step, in two arrays that grow."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Sequence

import numpy as np

from koubai.core.params import Array


class Column:
    """The numbers of one quantity at one path, in the order they were added."""

    __slots__ = ("_looked_at", "_ordered", "_steps", "_values")

    def __init__(self, steps: Sequence[int] | Array = (), values: Sequence[float] | Array = ()) -> None:
        self._steps = array("q")
        self._values = array("d")
        self._ordered, self._looked_at = True, 0  # whether steps only rise, as far as that was looked at
        self.extend(steps, values)

    def __len__(self) -> int:
        return len(self._values)  # appended after the step: a reader in another thread sees whole rows

    def append(self, step: int, value: float) -> None:
        """Add one number."""
        self._steps.append(step)
        self._values.append(value)

    def extend(self, steps: Sequence[int] | Array, values: Sequence[float] | Array) -> None:
        """Add as many numbers as there are steps."""
        if len(steps) != len(values):
            raise ValueError(f"{len(steps)} steps, but {len(values)} values")
        self._steps.frombytes(np.asarray(steps, np.int64).tobytes())
        self._values.frombytes(np.asarray(values, np.float64).tobytes())

    def _is_ordered(self) -> bool:
        """Whether no step is smaller than the one before it; asked by readers, so that writers need not."""
        steps = np.array(self._steps[self._looked_at :])
        if not np.all(steps[1:] >= steps[:-1]):
            self._ordered = False
        self._looked_at = max(0, self._looked_at + len(steps) - 1)
        return self._ordered

    def rows(self, start: int = 0) -> tuple[Array, Array]:
        """Return copies of (steps, values) from row `start` on, as they were added."""
        stop = len(self)
        return np.array(self._steps[start:stop], np.int64), np.array(self._values[start:stop], np.float64)

    def sorted(self) -> tuple[Array, Array]:
        """Return copies of (steps, values) in order of steps (equal steps as they were added)."""
        steps, values = self.rows()
        if self._is_ordered():
            return steps, values
        order = np.argsort(steps, kind="stable")
        return steps[order], values[order]

    def last(self) -> float | None:
        """Return the value of the latest step, None if there is none."""
        if not len(self):
            return None
        return self._values[-1] if self._is_ordered() else float(self.sorted()[1][-1])

    def first(self) -> float | None:
        """Return the value of the earliest step, None if there is none."""
        if not len(self):
            return None
        return self._values[0] if self._is_ordered() else float(self.sorted()[1][0])

    def until(self, step: int) -> Column:
        """Return the rows up to and including a step."""
        steps, values = self.rows()
        return Column(steps[steps <= step], values[steps <= step])

    def to_json(self, path: str, quantity: str, start: int = 0) -> str:
        """Return the rows from `start` on as one line of JSON; NaN and infinities are written as strings."""
        steps, values = self.rows(start)
        plain = [v if math.isfinite(v) else str(v) for v in values.tolist()]
        line = {"path": path, "quantity": quantity, "steps": steps.tolist(), "values": plain}
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))
