"""The penalties, registered on import."""

from koubai.core.registry import discover, export
from koubai.penalties.penalty import PENALTIES, Penalty

discover(__name__, __path__)
__all__ = ["Penalty", "PENALTIES", *export(PENALTIES, globals())]
