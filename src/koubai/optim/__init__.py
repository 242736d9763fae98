"""The optimizers, registered on import."""

from koubai.core.registry import discover, export
from koubai.optim.optimizer import OPTIMIZERS, Optimizer

discover(__name__, __path__)
__all__ = ["Optimizer", "OPTIMIZERS", *export(OPTIMIZERS, globals())]
