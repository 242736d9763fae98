"""Which engine runs a job when the user does not say."""

from __future__ import annotations

from koubai.engines.engine import Job


def best_engine(job: Job) -> str:
    """Return the name of the engine for a job."""
    return "reference"
