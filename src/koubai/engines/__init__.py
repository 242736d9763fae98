"""Engines: a network becomes a program. None knows a layer by name."""

from koubai.engines.choose import compile_job, engines
from koubai.engines.engine import Job, Program, TapPlan, TapRecord, TrainingState

__all__ = ["Job", "Program", "TapPlan", "TapRecord", "TrainingState", "compile_job", "engines"]
