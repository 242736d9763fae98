"""Simple convnet: what does a convolution know that a dense layer does not?"""

from __future__ import annotations

from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.convnets import convnet_experiment, convnet_sentences
from koubai.lab.course.settings import GAUSS
from koubai.lab.declare.experiment import Experiment, Published
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.course_convnets import SimpleConvNet as Network


@CATALOG.register
class SimpleConvnet(Entry):
    """One convolution of 30 filters of 5x5; weights from normal(0, .01), Adam .001, 1000 updates.

    First 5,000 training and first 1,000 test images; 433,890 parameters for MNIST. Beside it a dense
    network under the same settings.
    """

    def experiment(self, data: str) -> Experiment:
        """The network of the course and a dense one."""
        return convnet_experiment(
            self.registry_name,
            Network(),
            data,
            initializer=GAUSS,
            steps=1000,
            published=Published(0.960, 0.004, 18),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """How both ended and what they cost."""
        return convnet_sentences(result)
