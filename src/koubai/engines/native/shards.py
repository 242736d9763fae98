"""How many shards a batch can be divided into."""

from __future__ import annotations

_ROWS = 16  # of a shard, where there are more than two


def most_shards(rows: int) -> int:
    """Return how many shards so many rows are worth.

    A third shard and any further one must have rows enough to be worth its gradient and its wait.

    >>> [most_shards(rows) for rows in (1, 10, 100)]
    [1, 2, 6]
    """
    return min(rows, max(2, rows // _ROWS))
