"""Remedies: Recipe -> Recipe, one file each; importing this package registers them."""

from koubai.core.registry import discover, export
from koubai.doctor.remedies.remedy import REMEDIES, Remedy

discover(__name__, __path__)
__all__ = ["REMEDIES", "Remedy", *export(REMEDIES, globals())]
