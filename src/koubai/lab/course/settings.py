"""The settings that the course's experiments share, and the data sets by name."""

from __future__ import annotations

from typing import Any

import koubai.data.sources  # noqa: F401 - registers the sources
from koubai.data.dataset import DATA, DataSource
from koubai.initializers.normal import Normal
from koubai.lab.declare.experiment import Claim

GAUSS = Normal(0.01)
"""The course's 'gauss'."""

COURSE_HIDDEN = (40, 20)
"""784-40-20-10: the hidden layers of most of the course's experiments."""


def source(name: str, **fields: Any) -> DataSource:
    """Return a data set by its configuration name; what the experiment fixes is given as fields."""
    found: DataSource = DATA[name](**fields)
    return found


def beats(arm: str, over: str, measure: str = "test_accuracy", **more: Any) -> Claim:
    """Return the claim that `arm` ends with the higher measure."""
    return Claim(arm, over, measure, **more)
