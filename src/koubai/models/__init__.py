"""Models: the course's networks and AlexNet, registered on import."""

import koubai.layers  # noqa: F401 - registers the activations that models name
from koubai.core.registry import discover, export
from koubai.models.model import MODELS, Model

discover(__name__, __path__)
__all__ = ["MODELS", "Model", *export(MODELS, globals())]
