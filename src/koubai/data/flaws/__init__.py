"""What can be wrong with data, one flaw a file; registered on import."""

from koubai.core.registry import discover, export
from koubai.data.flaws.flaw import FLAWS, Flaw

discover(__name__, __path__)
__all__ = ["FLAWS", "Flaw", *export(FLAWS, globals())]
