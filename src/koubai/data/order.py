"""The order in which samples are split: at random, and of classes every stretch holds their shares."""

from __future__ import annotations

from typing import Literal

import numpy as np

from koubai.core import random
from koubai.core.errors import DataError
from koubai.core.params import Array
from koubai.words.phrase import phrase

Split = Literal["", "given", "shuffled", "stratified"]


def mixed(order_key: int, labels: Array | None, count: int) -> tuple[Array, Split]:
    """Return the numbers 0 .. count - 1 in random order, and what that order is called.

    With labels (count,) the samples of every class are spread evenly over the order: sample j of the n_c of
    class c lies at (j + 1/2) / n_c of the way. What is cut off at either end then holds every class by its
    share, give or take one sample; a class of one sample lies in the middle.
    """
    order = random.permutation(order_key, count)
    if labels is None or not count:
        return order, "shuffled"
    _, found, sizes = np.unique(labels[order], return_inverse=True, return_counts=True)
    place = np.empty(count)  # in place from here on: there may be many samples, and little memory
    place[np.argsort(found, kind="stable")] = np.arange(count)
    place -= (np.cumsum(sizes) - sizes)[found]
    place += 0.5
    place /= sizes[found]
    del found
    ties = random.uint64s(order_key, count, count)
    return order[np.lexsort((ties, place))], "stratified"


def reorder(x: Array, order: Array) -> None:
    """Put samples into another order where they lie; beside them it takes a quarter of their memory."""
    if not x.size:
        return
    if x.flags.c_contiguous:
        rows = x.reshape(len(x), -1).view(np.uint8)
        width = -(-rows.shape[1] // 4)
        for at in range(0, rows.shape[1], width):
            rows[:, at : at + width] = rows[order, at : at + width]
    else:
        for column in np.ndindex(x.shape[1:]):
            x[:, *column] = x[order, *column]


def check_test_share(test_share: float, where: str) -> None:
    """Raise DataError unless a part of the samples, but not all of them, may become the test part."""
    if not 0 <= test_share < 1:
        raise DataError(
            "not_a_share",
            setting="test_share",
            where=where,
            expected=phrase("from_0_to_below_1"),
            got=test_share,
        )
