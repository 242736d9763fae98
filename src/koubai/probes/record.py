"""From tap records to series for the history: every probe on every tensor of its role, many steps at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from koubai.core.layer import Layer
from koubai.core.params import Array
from koubai.core.registry import discover
from koubai.core.tap_record import Stackable, TapRecord
from koubai.core.taps import Number, Squares, Taken
from koubai.probes.history import Series
from koubai.probes.probe import PROBES, Probe

if TYPE_CHECKING:
    from koubai.network.network import Network

_OF_THE_ENGINE = ("loss_scale", "steps_left_out")  # numbers of a step that an engine may tell
_UNITS = "units"  # the quantity under which per-unit rows of activations are kept


def default_probes() -> tuple[Probe, ...]:
    """Return one of each registered probe."""
    import koubai.probes

    discover("koubai.probes", koubai.probes.__path__)
    return tuple(PROBES[name]() for name in PROBES)


class Recorder:
    """Measures tapped steps of one network with probes.

    Paths come in forward order (leaf layers, then parameters), whatever order the engine tapped them in.
    """

    def __init__(self, network: Network, probes: Iterable[Probe]) -> None:
        self._layers: Mapping[str, Layer] = {cell.path: cell.layer for cell in network.leaves}
        self._paths = (*self._layers, *network.param_specs)
        self._probes = tuple(probes)
        self.quantities = {_UNITS, *_OF_THE_ENGINE, *(probe.registry_name for probe in self._probes)}

    def measure(self, taken: Sequence[TapRecord]) -> list[Series]:
        """Return what the probes measure on tapped steps, and the rows of each layer's units where tapped."""
        series: list[Series] = []
        with np.errstate(all="ignore"):  # what is not finite is recorded as it is
            for _, group in groupby(taken, key=lambda tap: getattr(tap.moments, "kind", tap.step)):
                alike = list(group)
                moments = alike[0].moments
                if isinstance(moments, Stackable):
                    moments = moments.stacked([tap.moments for tap in alike])
                series += self._measure(np.array([tap.step for tap in alike]), moments)
        return [*series, *_of_the_engine(taken)]

    def _measure(self, steps: Array, moments: Mapping[tuple[str, str], Squares]) -> Iterator[Series]:
        by_path: dict[str, Taken] = {}
        for (path, role), sums in moments.items():
            by_path.setdefault(path, {})[role] = sums  # type: ignore[literal-required]  # a role is a key of Taken
        for path in self._paths:
            if path in by_path:
                yield from self._measure_path(steps, path, by_path[path])

    def _measure_path(self, steps: Array, path: str, sums: Taken) -> Iterator[Series]:
        layer = self._layers.get(path)
        for probe in self._probes:
            if probe.role in sums:
                defined = probe.defined(sums)
                value = probe.measure(sums, layer) if defined is True or np.any(defined) else None
                if value is not None:
                    kept = slice(None) if defined is True else _each(defined, steps, np.bool_)
                    values = _each(value, steps, np.float64)
                    yield Series(path, probe.registry_name, steps[kept], values[kept])
        units = sums["activation"].units if "activation" in sums else None
        if units is not None:
            yield Series(path, _UNITS, steps, units.reshape(len(steps), -1, 3))


def _of_the_engine(taken: Sequence[TapRecord]) -> Iterator[Series]:
    """Yield what an engine told of its steps beside what was tapped, each under its name."""
    for name in _OF_THE_ENGINE:
        told = [(tap.step, tap.numbers[name]) for tap in taken if name in tap.numbers]
        if told:
            steps, values = zip(*told, strict=True)
            yield Series("", name, np.array(steps), np.array(values, np.float64))


def _each(value: Number, steps: Array, dtype: type) -> Array:
    """Return an array of one number for each step, whether it was one for all or is that already."""
    values: Array = np.asarray(value, dtype)
    return values if values.shape == steps.shape else np.full(steps.shape, values)
