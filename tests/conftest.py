"""Makes tests/support and the benchmarks importable, and examples repeatable."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "benchmarks")]

# The same examples in every run, and no deadline: a failure belongs to a change, not to chance or to a slow
# machine. Look further with HYPOTHESIS_PROFILE=explore.
_ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("repeatable", _ANY_SPEED, derandomize=True, database=None)
settings.register_profile("explore", _ANY_SPEED, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="module")
def browser():
    """Return a browser for the tests of one file."""
    from support.browser import chromium

    with chromium() as opened:
        yield opened
