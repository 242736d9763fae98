"""Loaders: which loaders a program goes through, and whether it trains on what it asks its model about now.

A pass in training mode that keeps its graph looks like one of training until it is known whether its loss is
differentiated. It is taken for one of an evaluation where the program trains on what its loaders hand out,
and none of those is under way.
"""

from __future__ import annotations

from koubai.doctor.watch.seen.seen import Seen


class Loaders:
    """Takes when the program begins to go through a loader, and when that is over; loaders by identity."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._open: dict[int, tuple[int, int]] = {}  # under way: the loader, the update at its begin
        self._trained: set[int] = set()
        self._misled = False

    def begins(self, loader: int, turn: int) -> None:
        """Take in that a loader begins."""
        self._note()
        self._open[turn] = loader, self._seen.step

    def ends(self, turn: int) -> None:
        """Take in that it is over, or left."""
        self._note()
        self._open.pop(turn, None)

    def _note(self) -> None:
        self._trained |= {loader for loader, begun in self._open.values() if self._seen.step > begun}

    @property
    def evaluates(self) -> bool:
        """Whether a pass of now is taken for one of an evaluation."""
        last, _ = next(reversed(self._open.values()), (0, 0))
        return bool(self._trained) and not self._misled and last not in self._trained

    def misled(self) -> None:
        """Take in that a loss of such a pass is differentiated: this program trains on other things, too."""
        self._misled = True
