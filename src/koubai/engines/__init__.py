"""Engines: a network becomes a program. None knows a layer by name.

What is exported here is imported when it is first asked for: who needs one engine loads no other.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from koubai.core.tap_record import TapRecord
    from koubai.engines.choose import compile_job, engines
    from koubai.engines.engine import Job, Observation, Program, TrainingState

__all__ = ["Job", "Observation", "Program", "TapRecord", "TrainingState", "compile_job", "engines"]

_CHOOSE = ("compile_job", "engines")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return getattr(import_module(f"{__name__}.{'choose' if name in _CHOOSE else 'engine'}"), name)
