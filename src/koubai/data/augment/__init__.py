"""Training samples altered again at every update, one way per file; registered on import."""

from koubai.core.registry import discover, export
from koubai.data.augment.augmentation import AUGMENTATIONS, Augmentation

discover(__name__, __path__)
__all__ = ["AUGMENTATIONS", "Augmentation", *export(AUGMENTATIONS, globals())]
