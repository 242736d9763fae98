"""Drawing a batch: rows of the data set by their indices."""

from __future__ import annotations

from koubai.engines.native.kernels.base import INDICES, floats, kernel, share, words
from koubai.engines.native.kernels.simd import prefetch


@kernel
def gather_values(args: int, thread: int, team: int) -> None:
    """Copy rows of float32 numbers: (data, y, words a row, rows, control).

    Rows lie far apart, so that no hardware guesses the next one: its lines are asked for a row ahead.
    """
    a = words(args, 5)
    width = a[2]
    index = words(words(a[4], INDICES + 1)[INDICES], a[3])
    start, count = share(a[3], 1, thread, team)
    for r in range(start, start + count):
        if r + 1 < start + count:
            for line in range(0, 4 * width, 64):
                prefetch(a[0] + 4 * width * index[r + 1] + line)
        x, y = floats(a[0] + 4 * width * index[r], width), floats(a[1] + 4 * width * r, width)
        for j in range(width):
            y[j] = x[j]


@kernel
def gather_labels(args: int, thread: int, team: int) -> None:
    """Copy class labels: (labels, t, rows, control)."""
    a = words(args, 4)
    index = words(words(a[3], INDICES + 1)[INDICES], a[2])
    t = words(a[1], a[2])
    if thread == 0:
        for r in range(a[2]):
            t[r] = words(a[0] + 8 * index[r], 1)[0]
