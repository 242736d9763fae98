"""Cases of a test that only some commands run."""

from typing import Any

import pytest


def long(*cases: Any) -> list[Any]:
    """Return cases that `make test` leaves to the other commands; a tuple holds the values of one case."""
    several = (case if isinstance(case, tuple) else (case,) for case in cases)
    return [pytest.param(*values, marks=pytest.mark.long) for values in several]
