import numpy as np
from torch.nn import functional

from koubai.layers import PReLU
from koubai.network import Network
from support.samples import Sample


def twin(x, p):
    return functional.prelu(x, p["slope"])


SAMPLES = [
    Sample(PReLU(), (18,), twin),
    Sample(PReLU(initial=-0.5), (3, 4, 2), twin),
    Sample(PReLU(shared=True), (3, 5), twin),
]


def test_by_hand():
    network = Network(PReLU(), (2,))
    cell = network.bind(network.initialize(0, "float64"), training=True)
    assert cell.forward(np.array([[-4.0, 8.0], [-2.0, 0.0]])).tolist() == [[-1, 8], [-0.5, 0]]
    assert cell.backward(np.array([[1.0, 1.0], [10.0, 1.0]])).tolist() == [[0.25, 1], [2.5, 0.25]]
    assert cell.grads["slope"].tolist() == [-4 - 20, 0]


def test_penalties_leave_the_slopes_alone():
    assert not Network(PReLU(), (3, 4, 4)).param_specs["slope"].penalized
