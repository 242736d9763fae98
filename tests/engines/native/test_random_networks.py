"""Networks drawn at random: the first step is that of the formulas in float64, within rounding.

A longer search, from the root of the repository: python tests/engines/native/test_random_networks.py 0 2000
"""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from support.marks import long
from support.random_networks import faults, never_drawn


@pytest.mark.parametrize("number", [0, *long(*range(1, 12))])
def test_a_random_network_learns_as_the_formulas_do(number, backend):
    assert faults(number)[0] == []


@pytest.mark.parametrize("number", [160, 20235, 20389])
def test_a_bias_before_a_batch_norm_is_off_by_rounding_alone(number, backend):
    assert faults(number)[0] == []


if __name__ == "__main__":
    first, end = map(int, sys.argv[1:3])
    found = [faults(number) for number in range(first, end)]
    bad = [line for lines, _ in found for line in lines]
    largest, missing = max(worst for _, worst in found), never_drawn(range(first, end))
    print(*bad, sep="\n", end="\n" * bool(bad))
    print(f"{end - first} networks, {len(bad)} faults, largest share of what is allowed {largest:.2g}")
    print(f"layers, losses and optimizers never drawn: {', '.join(missing) or 'none'}")
    sys.exit(bool(bad))
