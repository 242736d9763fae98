"""Deep convnet: six small convolutions with dropout."""

from __future__ import annotations

from koubai.initializers.normal import HeNormal
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.convnets import convnet_experiment, convnet_sentences
from koubai.lab.declare.experiment import Experiment, Published
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.course_convnets import DeepConvNet as Network


@CATALOG.register
class DeepConvnet(Entry):
    """Six convolutions of 3x3, a pool after every second, dropout .5; He, Adam .001, 1000 updates.

    First 5,000 training and first 1,000 test images; 123,552 parameters for MNIST, fewer than the 433,890
    of the simple convolutional network and more than the dense one beside it. Dropout stands behind the
    logits too, as in the course. Beside it a dense network.
    """

    def experiment(self, data: str) -> Experiment:
        """The network of the course and a dense one."""
        steps = 300 if data == "digits" else 1000
        return convnet_experiment(
            self.registry_name,
            Network(),
            data,
            initializer=HeNormal(),
            steps=steps,
            published=Published(0.979, 0.004, 9),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How both ended and what they cost."""
        return convnet_sentences(result)
