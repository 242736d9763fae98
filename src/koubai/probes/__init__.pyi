"""Written by scripts/stubs."""

from typing import Any

from koubai.probes.history import History as History
from koubai.probes.probe import PROBES as PROBES
from koubai.probes.probe import Probe as Probe

def __getattr__(name: str) -> Any: ...
