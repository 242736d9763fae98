"""From a tap record to history entries: every probe on every tensor of its role."""

from __future__ import annotations

from collections.abc import Mapping

from koubai.core.layer import Layer
from koubai.core.registry import discover
from koubai.engines.engine import TapRecord
from koubai.probes.history import History
from koubai.probes.probe import PROBES, Probe


def default_probes() -> tuple[Probe, ...]:
    """Return one of each registered probe."""
    import koubai.probes

    discover("koubai.probes", koubai.probes.__path__)
    return tuple(PROBES[name]() for name in PROBES)


def record(history: History, tap: TapRecord, layers: Mapping[str, Layer], probes: tuple[Probe, ...]) -> None:
    """Append what `probes` measure on one tapped step; `layers` maps leaf paths to their layers."""
    for (path, role), sums in tap.moments.items():
        layer = layers.get(path)
        for probe in probes:
            if probe.role == role:
                value = probe.measure(sums, layer)
                if value is not None:
                    history.add(tap.step, path, probe.registry_name, value)
        if role == "activation" and sums.units is not None:
            history.add_vector(tap.step, path, "units", sums.units)
    for (path, role), update in tap.moments.items():
        if role == "update":
            weight = tap.moments[path, "weight"]
            history.add(tap.step, path, "update_ratio", update.norm / weight.norm if weight.norm else 0.0)
