"""L1 by its proximal step, which leaves weights at exactly 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from koubai.core.params import Array
from koubai.penalties.p_norm import L1
from koubai.penalties.penalty import PENALTIES


@PENALTIES.register
@dataclass(frozen=True)
class ProximalL1(L1):
    """Lambda sum |w| by soft threshold: after each update w <- sign(w) max(|w| - alpha lambda, 0).

    A gradient step of L1 carries a weight across 0 and never onto it; this one stops there. Under SGD it is
    proximal gradient descent (Daubechies, Defrise, De Mol 2004; online: Duchi and Singer 2009); under another
    optimizer the threshold is alpha lambda all the same, whatever the optimizer makes of its gradients.
    """

    proximal = True

    def shrink(self, w: Array, alpha: float) -> None:
        """W <- sign(w) max(|w| - alpha lambda, 0), in place."""
        np.multiply(np.sign(w), np.maximum(np.abs(w) - alpha * self.strength, 0), out=w)
