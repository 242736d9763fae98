"""Written by scripts/stubs."""

from typing import Any

from koubai.penalties.p_norm import L1 as L1
from koubai.penalties.p_norm import L2 as L2
from koubai.penalties.p_norm import PNorm as PNorm
from koubai.penalties.penalty import PENALTIES as PENALTIES
from koubai.penalties.penalty import Penalty as Penalty
from koubai.penalties.proximal_l1 import ProximalL1 as ProximalL1

def __getattr__(name: str) -> Any: ...
