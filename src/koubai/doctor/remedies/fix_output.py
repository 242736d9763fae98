"""Give the network the output and the loss that its targets ask for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from koubai.core.layer import Layer
from koubai.core.params import Array
from koubai.data.dataset import Dataset
from koubai.doctor.remedies.remedy import REMEDIES, Remedy
from koubai.doctor.remedies.trees import leaves, rewrite_output, shapes_output
from koubai.losses.loss import Loss
from koubai.losses.mean_squared_error import MeanSquaredError
from koubai.losses.sigmoid_cross_entropy import SigmoidCrossEntropy
from koubai.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from koubai.train.recipe import Recipe


def suitable_loss(t: Array, outputs: int) -> Loss:
    """Return the loss on bare outputs for targets t: classes, labels of 0 and 1, or numbers."""
    if t.dtype.kind in "iu":
        return SigmoidCrossEntropy() if outputs == 1 else SoftmaxCrossEntropy()
    return SigmoidCrossEntropy() if np.isin(t, (0.0, 1.0)).all() else MeanSquaredError()


@REMEDIES.register
class FixOutput(Remedy):
    """No activation at the end, and the loss that includes the right one. Outputs are bare numbers then."""

    treats = ("output_loss_mismatch", "output_range")

    def apply(self, recipe: Recipe, dataset: Dataset) -> Recipe | None:
        """Strip the output of its activation and set the loss; None if it is so already."""
        last = next(
            (leaf for leaf in reversed(list(leaves(recipe.network))) if hasattr(leaf, "out_features")), None
        )
        if last is None:
            return None

        def edit(leaf: Layer) -> list[Layer]:
            return [] if shapes_output(leaf) else [leaf]

        network = rewrite_output(recipe.network, edit)
        treated = replace(recipe, network=network, loss=suitable_loss(dataset.t_train, last.out_features))
        same = len(list(leaves(network))) == len(list(leaves(recipe.network))) and treated.loss == recipe.loss
        return None if same else treated
