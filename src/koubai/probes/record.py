"""From tap records to the history: every probe on every tensor of its role, many steps at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import numpy as np

from koubai.core.layer import Layer
from koubai.core.params import Array
from koubai.core.registry import discover
from koubai.core.taps import Magnitudes, Number, Taken
from koubai.engines.engine import Stackable, TapRecord
from koubai.network.network import Network
from koubai.probes.history import History
from koubai.probes.probe import PROBES, Probe


def default_probes() -> tuple[Probe, ...]:
    """Return one of each registered probe."""
    import koubai.probes

    discover("koubai.probes", koubai.probes.__path__)
    return tuple(PROBES[name]() for name in PROBES)


class Recorder:
    """Writes what probes measure on tapped steps of one network.

    Paths come in forward order (leaf layers, then parameters), whatever order the engine tapped them in.
    """

    def __init__(self, network: Network, probes: Iterable[Probe]) -> None:
        self._layers: Mapping[str, Layer] = {cell.path: cell.layer for cell in network.leaves}
        self._paths = (*self._layers, *network.param_specs)
        self._probes = tuple(probes)

    def record(self, history: History, taps: Sequence[TapRecord]) -> None:
        """Append what the probes measure on tapped steps, and one row for each unit where tapped."""
        with np.errstate(all="ignore"):  # what is not finite is recorded as it is
            for _, group in groupby(taps, key=lambda tap: getattr(tap.moments, "kind", tap.step)):
                alike = list(group)
                moments = alike[0].moments
                if len(alike) > 1 and isinstance(moments, Stackable):
                    moments = moments.stacked([tap.moments for tap in alike])
                self._record(history, np.array([tap.step for tap in alike]), moments)

    def _record(self, history: History, steps: Array, moments: Mapping[tuple[str, str], Magnitudes]) -> None:
        by_path: dict[str, Taken] = {}
        for (path, role), sums in moments.items():
            by_path.setdefault(path, {})[role] = sums  # type: ignore[literal-required]  # a role is a key of Taken
        for path in self._paths:
            if path in by_path:
                self._record_path(history, steps, path, by_path[path])

    def _record_path(self, history: History, steps: Array, path: str, sums: Taken) -> None:
        layer = self._layers.get(path)
        for probe in self._probes:
            if probe.role in sums:
                defined = probe.defined(sums)
                value = probe.measure(sums, layer) if defined is True or np.any(defined) else None
                if value is not None:
                    _append(history, steps, path, probe.registry_name, value, defined)
        units = sums["activation"].units if "activation" in sums else None
        if units is not None:
            for step, rows in zip(steps.tolist(), units.reshape(len(steps), -1, 3), strict=True):
                history.add_vector(step, path, "units", rows)


def _append(history: History, steps: Array, path: str, quantity: str, value: Number, defined: Number) -> None:
    if len(steps) == 1:
        history.add(int(steps[0]), path, quantity, float(np.reshape(value, ())))
    elif defined is True and isinstance(value, np.ndarray):
        history.add_series(path, quantity, steps, value)
    else:
        keep = np.broadcast_to(defined, len(steps))
        values = np.broadcast_to(np.asarray(value, np.float64), len(steps))
        history.add_series(path, quantity, steps[keep], values[keep])
