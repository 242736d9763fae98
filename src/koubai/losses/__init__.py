"""The losses, registered on import."""

from koubai.core.registry import discover, export
from koubai.losses.loss import LOSSES, Loss

discover(__name__, __path__)
__all__ = ["Loss", "LOSSES", *export(LOSSES, globals())]
