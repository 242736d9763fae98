"""Which engine runs a job when the user does not say."""

from __future__ import annotations

import warnings
from functools import cache

from koubai.core.errors import EngineError
from koubai.engines.engine import Job


def best_engine(job: Job) -> str:
    """Return the name of the engine for a job: native where it runs, else reference, with one warning why."""
    if job.dtype != "float32":
        return "reference"  # asked for: the native engine computes in float32
    reason = why_not_native()
    if reason is None:
        return "native"
    _warn_once(reason)
    return "reference"


@cache
def why_not_native() -> str | None:
    """Return one line that says why the native engine cannot run here, or None where it can."""
    try:
        import numba  # noqa: F401 - asks whether it is installed

        from koubai.engines.native.onednn import library

        library()
    except EngineError as error:
        return " ".join(str(error).split())
    except ImportError as error:
        return f"the native engine needs {error.name}: pip install {error.name}"
    return None


@cache
def _warn_once(reason: str) -> None:
    warnings.warn(f"{reason}; the reference engine runs instead, slower", stacklevel=3)
