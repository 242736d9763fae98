"""Probes: what to measure, and the History that keeps it."""

from koubai.core.registry import discover, export
from koubai.probes.history import History
from koubai.probes.probe import PROBES, Probe

__all__ = ["PROBES", "History", "Probe"]

discover(__name__, __path__)
export(PROBES, globals())
