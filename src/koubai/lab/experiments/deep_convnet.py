"""Deep convnet: six small convolutions with dropout."""

from __future__ import annotations

from dataclasses import replace

from koubai.initializers.normal import HeNormal
from koubai.lab.declare.experiment import Experiment, Published
from koubai.lab.experiments.beside_dense import BesideDense
from koubai.lab.experiments.entry import CATALOG
from koubai.models.course_convnets import DeepConvNet


@CATALOG.register
class DeepConvnet(BesideDense):
    """Six convolutions of 3x3, a pool after every second, dropout .5; He, Adam .001, 1000 updates.

    First 5,000 training and first 1,000 test images; 123,552 parameters for MNIST, fewer than the 433,890
    of the simple convolutional network and more than the dense one beside it. Dropout stands behind the
    logits too, as in the course. Beside it a dense network.
    """

    network = DeepConvNet()
    initializer = HeNormal()
    published = Published(0.979, 0.004, 9)

    def experiment(self, data: str) -> Experiment:
        """The network of the course and a dense one; on the digits fewer updates are enough."""
        full = super().experiment(data)
        return replace(full, base=full.base.edit(steps=300)) if data == "digits" else full
