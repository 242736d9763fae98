"""The layers, one file each; importing this package registers them all."""

from koubai.core.layer import LAYERS
from koubai.core.registry import discover, export
from koubai.layers.im2col import col2im, im2col

discover(__name__, __path__)
__all__ = ["LAYERS", "col2im", "im2col", *export(LAYERS, globals())]
