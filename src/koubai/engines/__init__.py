"""Engines: a network becomes a program. None knows a layer by name."""

from koubai.engines.choose import compile_job, engines
from koubai.engines.engine import Job, Observation, Program, TapRecord, TrainingState

__all__ = ["Job", "Observation", "Program", "TapRecord", "TrainingState", "compile_job", "engines"]
