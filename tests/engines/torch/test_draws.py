"""What is drawn on a device is what koubai.core.random draws, bit for bit."""

import numpy as np
import pytest
import torch

from koubai.core.random import indices, keep_mask, key
from koubai.engines.torch.draws import drawn, halves, keep

CPU = torch.device("cpu")
KEYS = [key(seed, "dropout", "3", 7) for seed in range(6)] + [0, 2**64 - 1, 2**63, 2**31]


def as_tensors(word):
    """A key as a captured graph has it: two numbers of type float64 in the device's memory."""
    return tuple(torch.tensor(float(half), dtype=torch.float64) for half in halves(word))


@pytest.mark.parametrize("word", KEYS)
@pytest.mark.parametrize("start", [0, 5, 2**31 - 3, 2**32 - 2, 2**33 + 1])
def test_masks(word, start):
    for ratio in (0.0, 0.3, 0.5, 0.9, 1.0):
        expected = keep_mask(word, (7, 11), ratio, start)
        for given in (halves(word), as_tensors(word)):
            assert (keep(given, (7, 11), ratio, start, CPU).numpy() == expected).all()


@pytest.mark.parametrize("word", KEYS)
def test_indices(word):
    for given in (halves(word), as_tensors(word)):
        np.testing.assert_array_equal(drawn(given, 50, 12345, CPU).numpy(), indices(word, 0, 50, 12345))
