"""Simple convnet: what does a convolution know that a dense layer does not?"""

from __future__ import annotations

from koubai.lab.declare.experiment import Published
from koubai.lab.experiments.beside_dense import BesideDense
from koubai.lab.experiments.entry import CATALOG
from koubai.models.course_convnets import SimpleConvNet


@CATALOG.register
class SimpleConvnet(BesideDense):
    """One convolution of 30 filters of 5x5; weights from normal(0, .01), Adam .001, 1000 updates.

    First 5,000 training and first 1,000 test images; 433,890 parameters for MNIST. Beside it a dense
    network under the same settings.
    """

    network = SimpleConvNet()
    published = Published(0.960, 0.004, 18)
