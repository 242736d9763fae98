"""Double convnet: what does a convolution know that a dense layer does not?"""

from __future__ import annotations

from koubai.lab.declare.experiment import Published
from koubai.lab.experiments.beside_dense import BesideDense
from koubai.lab.experiments.entry import CATALOG
from koubai.models.course_convnets import DoubleConvNet


@CATALOG.register
class DoubleConvnet(BesideDense):
    """Two convolutions; weights from normal(0, .01), Adam .001, only 100 updates.

    First 5,000 training and first 1,000 test images; 75,430 parameters for MNIST. Beside it a dense
    network under the same settings. 100 updates are few for weights that start so small: on the bundled
    digits the convolutions are still on their way where the dense network, with one hidden layer, has
    arrived.
    """

    network = DoubleConvNet()
    steps = 100
    published = Published(0.784, 0.012, 9)
