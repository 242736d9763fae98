"""Draw the initial weights on the scale that the activations ask for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from koubai.core.layer import Layer
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.doctor.remedies.trees import hidden_activations, with_default_init
from koubai.initializers.initializer import INITIALIZERS, Initializer
from koubai.train.recipe import Recipe


def suitable_initializer(network: Layer) -> Initializer:
    """Return the initializer that most hidden activations want; Glorot's without any."""
    wanted = Counter(layer.wants for layer in hidden_activations(network))
    made: Initializer = INITIALIZERS[wanted.most_common(1)[0][0] if wanted else "glorot_normal"]()
    return made


@REMEDIES.register
class SuitableInit(Remedy):
    """Glorot for sigmoid and tanh, He for ReLU, LeCun for SELU; biases 0. No side effect."""

    treats = ("init_too_small", "init_too_large", "symmetric_init")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe:
        """Replace the recipe's initializer, and take away those of single layers."""
        network = with_default_init(recipe.network)
        return replace(recipe, network=network, initializer=suitable_initializer(network))
