"""Double convnet: what does a convolution know that a dense layer does not?"""

from __future__ import annotations

from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.convnets import convnet_experiment, convnet_sentences
from koubai.lab.course.settings import GAUSS
from koubai.lab.declare.experiment import Experiment, Published
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.course_convnets import DoubleConvNet as Network


@CATALOG.register
class DoubleConvnet(Entry):
    """Two convolutions; weights from normal(0, .01), Adam .001, only 100 updates.

    First 5,000 training and first 1,000 test images; 75,430 parameters for MNIST. Beside it a dense
    network under the same settings. 100 updates are few for weights that start so small: on the bundled
    digits the convolutions are still on their way where the dense network, with one hidden layer, has
    arrived.
    """

    def experiment(self, data: str) -> Experiment:
        """The network of the course and a dense one."""
        return convnet_experiment(
            self.registry_name,
            Network(),
            data,
            initializer=GAUSS,
            steps=100,
            published=Published(0.784, 0.012, 9),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How both ended and what they cost."""
        return convnet_sentences(result)
