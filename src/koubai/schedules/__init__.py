"""The schedules, registered on import."""

from koubai.core.registry import discover, export
from koubai.schedules.schedule import SCHEDULES, Schedule

discover(__name__, __path__)
__all__ = ["Schedule", "SCHEDULES", *export(SCHEDULES, globals())]
