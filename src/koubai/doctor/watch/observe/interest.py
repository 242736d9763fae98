"""Interest: which forward passes are followed to what their outputs are compared with.

To follow one costs about as much as a small network's pass itself. So passes that tell nothing (policies,
densities, losses of a kind that nobody knows) are followed ever more seldom.
"""

from __future__ import annotations

from math import ceil, inf

from koubai.doctor.watch.seen.seen import Seen

_AT_FIRST = 100  # passes that are followed whatever they tell
_MOST = 1000  # of training, that are followed one by one: batches of one would never fill what is kept
_GROWTH = 1.1  # from one that is followed after them to the next


class Interest:
    """Counts passes, and says which to follow: the first ones, all while they tell something, a few later."""

    def __init__(self) -> None:
        self.passes, self._next = 0, _AT_FIRST + 1

    def follows(self, *, fruitful: bool) -> bool:
        """Whether the next pass would be followed; `fruitful` while those before told what is wanted."""
        return fruitful or self.passes < _AT_FIRST or self.passes + 1 >= self._next

    def begins(self, *, fruitful: bool = False) -> bool:
        """Count a pass that begins; return whether to follow it."""
        followed = self.follows(fruitful=fruitful)
        self.go_by(1)
        return followed

    def go_by(self, passes: int) -> None:
        """Count passes."""
        self.passes += passes
        if self.passes >= self._next:
            self._next = ceil(_GROWTH * self.passes)

    @property
    def left(self) -> int:
        """How many passes may go by before the next one that is followed whatever it tells."""
        return max(0, self._next - 1 - self.passes)


class TrainingInterest:
    """The same in training: in the loss, until its kind is known, and in samples, until enough are kept."""

    def __init__(self, seen: Seen) -> None:
        self._seen, self._passes = seen, Interest()
        self._over = False

    def follows(self) -> bool:
        """Whether the next pass would be followed."""
        return self._wants and self._passes.follows(fruitful=self._fruitful)

    def begins(self) -> bool:
        """Count a pass that begins; return whether to follow it."""
        return self._passes.begins(fruitful=self._fruitful) and self._wants

    def passes_unheard(self, count: int = 1) -> None:
        """Count passes that nobody hears."""
        if not self._over:
            self._passes.go_by(count)

    @property
    def unheard(self) -> float:
        """After how many more passes that nobody hears the next one would be followed."""
        return self._passes.left + 1 if self._wants else inf

    @property
    def _wants(self) -> bool:
        self._over = self._over or (self._seen.loss.rule is not None and self._seen.trained.full)
        return not self._over

    @property
    def _fruitful(self) -> bool:
        return self._seen.trained.grows and self._passes.passes < _MOST
