"""From a tap record to the history: every probe on every tensor of its role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from koubai.core.layer import Layer
from koubai.core.registry import discover
from koubai.core.taps import Moments
from koubai.engines.engine import TapRecord
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

    def record(self, history: History, tap: TapRecord) -> None:
        """Append what the probes measure on one tapped step, and one row for each unit where tapped."""
        by_path: dict[str, dict[str, Moments]] = {}
        for (path, role), sums in tap.moments.items():
            by_path.setdefault(path, {})[role] = sums
        for path in self._paths:
            if path in by_path:
                self._record_path(history, tap.step, path, by_path[path])

    def _record_path(self, history: History, step: int, path: str, sums: Mapping[str, Moments]) -> None:
        layer = self._layers.get(path)
        for probe in self._probes:
            if probe.role in sums:
                value = probe.measure(sums, layer)
                if value is not None:
                    history.add(step, path, probe.registry_name, value)
        if "activation" in sums and sums["activation"].units is not None:
            history.add_vector(step, path, "units", sums["activation"].units)
