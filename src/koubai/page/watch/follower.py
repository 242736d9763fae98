"""Follower: reads one run's history as it grows, a piece at a time, and folds it into what a page draws.

The file may come from a stranger: links are not followed, a line, its numbers and its names are bounded, and
every line carries a check of those before (koubai.train.history_file). What is damaged is told; what was
sound before it stays.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any

import numpy as np

from koubai.core.errors import RunError
from koubai.core.visible import visible
from koubai.page.watch.fold import Fold
from koubai.train.history_file import Lines
from koubai.train.manifest import HISTORY
from koubai.train.safe_folder import SafeFolder

CURVES = (
    "loss",
    *(f"{part}_{what}" for what in ("loss", "accuracy") for part in ("train", "val", "test")),
)
LAYERS = ("activation_gradient_rms", "update_ratio", "gradient_norm")
_CURVE_CELLS, _LAYER_CELLS = 512, 96
MOST_SERIES = 600  # of one run
_LONGEST = 4 * 2**20  # bytes of a line
_PIECE = 2**20  # bytes read at a time, so that nothing else waits long
_MOST_BYTES = 2**30
_LONGEST_PATH = 120
_LAST_STEP = 2**53


class Follower:
    """One run's history. `version` is that of the latest news, `born` that of the first."""

    def __init__(self, place: SafeFolder, version: int) -> None:
        self._place = place
        self.fault: str | None = None  # damaged, long, large: a word of the page
        self._begin(version)

    def _begin(self, version: int) -> None:
        self.born = self.version = version
        self.series: dict[tuple[str, str], Fold] = {}
        self.named: dict[tuple[str, str], int] = {}  # at which version a series came up
        self.step = 0
        self.left_out = 0
        self._left: set[tuple[str, str]] = set()
        self._lines, self._rest, self._offset, self._file = Lines(), b"", 0, (0, 0)

    def read(self, version: int) -> bool:
        """Read a piece; return whether there was news, which then is of this version."""
        try:
            piece = self._piece(version)
        except FileNotFoundError:
            return False
        except (OSError, RunError):
            return self._stop("damaged", version)
        if not piece:
            return False
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > _LONGEST:
            return self._stop("long", version)
        for line in lines:
            body = self._lines.take(line + b"\n", unchecked=False)
            if body is None or not self._take(body, version):
                return self._stop("damaged", version)
        if lines:
            self.version = version
        return bool(lines)

    def _piece(self, version: int) -> bytes:
        """Return what was appended since; begin again where the file is another one, or was cut."""
        with self._place.open(HISTORY) as file:
            about = os.fstat(file.fileno())
            identity = (about.st_dev, about.st_ino)
            if self._file != (0, 0) and (identity != self._file or about.st_size < self._offset):
                self.fault = None
                self._begin(version)
            self._file = identity
            if self.fault is not None:
                return b""
            if about.st_size > _MOST_BYTES:
                self._stop("large", version)
                return b""
            file.seek(self._offset)
            piece = file.read(_PIECE)
            self._offset += len(piece)
            return piece

    def _stop(self, fault: str, version: int) -> bool:
        if self.fault == fault:
            return False
        self.fault, self.version = fault, version
        return True

    def _take(self, body: bytes, version: int) -> bool:
        """Fold one line in; return whether it was one of a history."""
        try:
            row = json.loads(body)
            path, quantity = row["path"], row["quantity"]
            steps = np.array(row["steps"])
            values = np.array(row["values"], float)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return False
        if not isinstance(path, str) or not isinstance(quantity, str) or steps.shape != values.shape:
            return False
        if steps.ndim != 1 or not len(steps):
            return steps.ndim == 1
        if steps.dtype.kind != "i" or steps.min() < 0 or steps.max() > _LAST_STEP:
            return False
        self._fold(path, quantity, steps, values, version)
        return True

    def _fold(self, path: str, quantity: str, steps: Any, values: Any, version: int) -> None:
        if quantity == "loss" and not path:
            self.step = max(self.step, int(steps.max()))
        shown = quantity in CURVES if not path else quantity in LAYERS
        if not shown:
            return
        name = (visible(path[:_LONGEST_PATH]), quantity)
        if name not in self.series:
            if len(self.series) >= MOST_SERIES:
                self._left |= {name} if len(self._left) < 10 * MOST_SERIES else set()
                self.left_out = len(self._left)
                return
            self.series[name] = Fold(_LAYER_CELLS if path else _CURVE_CELLS)
            self.named[name] = version
        self.series[name].add(steps, values, version)

    def since(self, version: int) -> dict[str, Any]:
        """Return what is new after a version: names of series, and their cells."""
        version = -1 if version < self.born else version
        news: dict[str, Any] = {"step": self.step, "fault": self.fault, "left_out": self.left_out}
        if version < 0:
            news["whole"] = True
        names = [[i, *name] for i, (name, born) in enumerate(self.named.items()) if born > version]
        if names:
            news["names"] = names
        cells = [
            [i, fold.width, found]
            for i, fold in enumerate(self.series.values())
            if (found := fold.since(version))
        ]
        if cells:
            news["cells"] = cells
        return news


def last_written(place: SafeFolder) -> float | None:
    """Return when a run's history last changed, in seconds since 1970; None where there is none."""
    with suppress(OSError, RunError), place.open(HISTORY) as file:
        return os.fstat(file.fileno()).st_mtime
    return None
