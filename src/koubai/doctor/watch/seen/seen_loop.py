"""Seen loop: what a watch learns of the training loop itself, from the order in which its parts run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, isfinite, log

from torch import nn

from koubai.doctor.patient.run_facts import LoopFacts
from koubai.doctor.watch.program.walk import modules_of
from koubai.doctor.watch.seen.rise import Rise

_CUT = 0.01  # of the highest rate
_SAME = 0.02  # a factor so near to 1 is 1
_MOSTLY = 0.8  # of the updates
_LOOKS = 3  # from which on it is no chance that all of them show the same
_PASSES = 10  # backward passes without an update after which none is to be expected


@dataclass
class SeenLoop:
    """What is known so far.

    | field         | meaning                                                                            |
    |---------------|------------------------------------------------------------------------------------|
    | passes    | backward passes before the first update                                                |
    | stranger  | whether an optimizer made an update that has none of the model's parameters            |
    | stale     | updates, of those that were asked, that began with gradients of the one before         |
    | trained   | whether an update was made in training mode                                            |
    | test_mode | update since which the model is trained in test mode                                   |
    | ascends   | whether what is differentiated falls where the loss rises                              |
    | clips     | how often gradients were shortened by clipping                                         |
    | tried     | updates tried with a gradient scaler                                                   |
    | skipped   | those that it skipped                                                                  |
    | whole     | whether what is differentiated is the whole loss of a batch, not a share of it         |
    """

    passes: int = 0
    stranger: bool = False
    trained: bool = False
    test_mode: int | None = None
    ascends: bool = False
    stale: int = 0
    clips: int = 0
    tried: int = 0
    skipped: int = 0
    whole: bool | None = None
    _shortened: float = 0.0  # sum of the logarithms of what was left of their lengths
    _stale_since: int | None = None
    _fresh: int = 0
    _highest: float = 0.0  # rate
    _cut: int | None = None
    _rise: Rise = field(default_factory=Rise)
    _batches: int = 0  # backward passes since the last update
    _counts: Counter[int] = field(default_factory=Counter)  # of backward passes in an update
    _flat: list[bool] = field(default_factory=list)  # whether all gradients were 0, at each look
    _climbs: dict[str, list[bool]] = field(default_factory=dict)  # of parameters, in steps by hand
    _modes: set[bool] = field(default_factory=set)  # of the model, in backward passes since the last update

    def backward(self, *, training: bool) -> None:
        """Take in a backward pass, and the mode the model is in."""
        self._modes.add(training)
        self._batches += 1

    def clip(self, most: float, length: float) -> None:
        """Take in that gradients of a length were clipped at another."""
        if isfinite(length) and length > most > 0:
            self.clips += 1
            self._shortened += log(most / length)

    def rate(self, step: int, rate: float, given: float) -> None:
        """Take in the rate of an update, and the one that its optimizer was given."""
        self._rise.take(rate, given)
        self._highest = max(self._highest, rate)
        if rate > _CUT * self._highest:
            self._cut = None
        elif self._highest:
            self._cut = self._cut or step

    def look(self, *, flat: bool, climbed: Mapping[str, bool]) -> None:
        """Take in whether all gradients were 0, and which parameters an update by hand moved up the slope."""
        self._flat.append(flat)
        for name, up in climbed.items():
            self._climbs.setdefault(name, []).append(up)

    def scaled(self, made: bool) -> None:
        """Take in that a gradient scaler made an update, or skipped it."""
        self.tried += 1
        self.skipped += not made

    def factor(self, factor: float) -> None:
        """Take in by which factor what is differentiated follows the loss of a batch."""
        self.whole = self.whole is not False and abs(factor - 1) < _SAME

    def update(self, step: int, fresh: bool | None) -> None:
        """Take in an update, and whether its gradients began at 0; None: that was not asked."""
        if fresh is False:
            self.stale += 1
            self._stale_since = self._stale_since or step
        elif fresh and step > 1:  # those of the first step begin at 0 whatever the loop does
            self._fresh += 1
        if True in self._modes:
            self.trained, self.test_mode = True, None
        elif self._modes and self.test_mode is None:
            self.test_mode = step
        self._modes.clear()
        self._counts[self._batches] += 1
        self._batches = 0

    def ordinary(self, batches: int) -> None:
        """Take in an update after so many backward passes, in the mode of the one before it."""
        self._counts[batches] += 1

    def facts(self, model: nn.Module, step: int, made: int = 0) -> LoopFacts:
        """As a diagnosis sees it; `made` is how often a new optimizer took the place of the one before."""
        return LoopFacts(
            made_anew=made if made > 0.5 * step else 0,
            passes=self.passes if not step and self.passes >= _PASSES else 0,
            stranger=self.stranger,
            kept_gradients=self._stale_since if self.stale > max(1, self._fresh) else None,
            test_mode=self.test_mode if _has_modes(model) else None,
            had_trained=self.trained,
            idle_norms=any(_is_idle(module) for _, module in modules_of(model)),
            ascends=self.ascends,
            flat=len(self._flat) >= _LOOKS and all(self._flat),
            climbing=tuple(name for name, ups in self._climbs.items() if len(ups) >= _LOOKS and all(ups)),
            clipped=min(1.0, self.clips / max(step, 1)),
            clipped_to=exp(self._shortened / self.clips) if self.clips else 1.0,
            rate_cut=self._cut,
            warmed_to=self._rise.reached,
            tried=self.tried,
            skipped=self.skipped,
            summed=self._summed(step),
        )

    def _summed(self, step: int) -> int:
        """Return how many batches make an update, where their gradients are added up undivided; else 1."""
        if not self._counts or not self.whole or self.tried:
            return 1
        batches, often = self._counts.most_common(1)[0]
        return batches if batches > 1 and often >= _MOSTLY * step else 1


def _has_modes(model: nn.Module) -> bool:
    """Whether a module does something else in training mode than in test mode."""
    return any(_norm_of_batches(module) or _drops(module) for _, module in modules_of(model))


def _norm_of_batches(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats


def _drops(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0


def _is_idle(module: nn.Module) -> bool:
    """Whether a batch norm has never seen a batch in training mode."""
    counted = getattr(module, "num_batches_tracked", None)
    return _norm_of_batches(module) and counted is not None and int(counted) == 0
