"""Sums of a tensor where it lies, at the edges; within a program they are compared in test_agreement.py."""

import numpy as np
import torch

from koubai.core.taps import moments
from koubai.engines.torch.sums import tensor_moments


def test_a_square_that_no_float_holds_is_infinite():
    x = np.array([1e200, 0.0, -3.0])
    with np.errstate(over="ignore"):
        expected = moments(x)
    assert tensor_moments(torch.from_numpy(x)) == expected
    assert np.isinf(expected.total_square)
