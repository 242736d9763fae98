"""Networks drawn at random: the first step is that of the formulas in float64, within rounding.

A longer search, from the root of the repository: python tests/engines/native/test_random_networks.py 0 2000
"""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from support.random_networks import faults


@pytest.mark.parametrize("number", range(12))
def test_a_random_network_learns_as_the_formulas_do(number, backend):
    assert faults(number)[0] == []


@pytest.mark.parametrize("number", [20235, 20389])
def test_a_bias_before_a_batch_norm_is_off_by_rounding_alone(number, backend):
    assert faults(number)[0] == []


if __name__ == "__main__":
    first, end = map(int, sys.argv[1:3])
    bad = [line for number in range(first, end) for line in faults(number)[0]]
    print("\n".join([*bad, f"{end - first} networks, {len(bad)} faults"]))
    sys.exit(bool(bad))
