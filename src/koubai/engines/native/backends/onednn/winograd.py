"""Winograd's convolution F(4 x 4, 3 x 3): tiles of 4 x 4 outputs by 36 products instead of 144.

Inputs and filters are transformed, multiplied, and transformed back. Source: Lavin and Gray 2016, "Fast
algorithms for convolutional neural networks", section 4.3. oneDNN 3.0 and 3.1 have it for processors with
AVX-512, in blocks of 16 channels; 3.2 left it out. The transforms round more than direct sums do:
docs/engine.md says how much more, and how much time they save.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from koubai.engines.native.backends.onednn.library import Unimplemented
from koubai.engines.native.backends.onednn.primitives import DIRECT, PD
from koubai.engines.native.graph import Node
from koubai.engines.native.plan import ShardPlan

BLOCK = 16
_DW_FROM = 32  # input channels: with fewer, direct sums are faster (measured on Zen 5)


def fits(plan: ShardPlan, node: Node) -> bool:
    """Whether a convolution is one for Winograd, and direct sums were not asked for."""
    s, weight = node.settings, node.stored["weight"].shape
    plain = set(s["stride"]) == set(s["dilation"]) == {1} and s["groups"] == 1
    blocks = weight[0] % BLOCK == weight[1] % BLOCK == 0
    return plain and weight[2:] == (3, 3) and blocks and not plan.half and not plan.exact


def gains_dweights(node: Node) -> bool:
    """Whether dW is faster by Winograd, too."""
    return node.inputs[0].shape[0] >= _DW_FROM


def first_there(make: Callable[[int], PD], how: int) -> PD:
    """Return the primitive of a way; by direct sums where the library has none of that way."""
    if how != DIRECT:
        with suppress(Unimplemented):
            return make(how)
    return make(DIRECT)
