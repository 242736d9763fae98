"""Written by scripts/stubs."""

from typing import Any

from koubai.schedules.cosine_decay import CosineDecay as CosineDecay
from koubai.schedules.exponential_decay import ExponentialDecay as ExponentialDecay
from koubai.schedules.inverse_time import InverseTime as InverseTime
from koubai.schedules.schedule import SCHEDULES as SCHEDULES
from koubai.schedules.schedule import ConstantRate as ConstantRate
from koubai.schedules.schedule import Schedule as Schedule
from koubai.schedules.step_decay import StepDecay as StepDecay
from koubai.schedules.warm_up import WarmUp as WarmUp

def __getattr__(name: str) -> Any: ...
