"""The layers, one file each; importing this package registers them all."""

from koubai.core.layer import LAYERS
from koubai.core.registry import discover, export

discover(__name__, __path__)
__all__ = export(LAYERS, globals())
