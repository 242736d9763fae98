"""The initializers, registered on import."""

from koubai.core.registry import discover, export
from koubai.initializers.initializer import INITIALIZERS, Initializer

discover(__name__, __path__)
__all__ = ["Initializer", "INITIALIZERS", *export(INITIALIZERS, globals())]
