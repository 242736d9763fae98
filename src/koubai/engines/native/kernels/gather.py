"""What a tap takes of a parameter, gathered from its chunks while an optimizer updates them."""

from __future__ import annotations

from typing import Any

from koubai.engines.native.kernels.base import doubles, inline
from koubai.engines.native.kernels.functions import ZERO
from koubai.engines.native.kernels.simd import LANES, any_lane, differs, splat
from koubai.engines.native.kernels.simd_memory import add_to_doubles, total_at
from koubai.engines.native.kernels.sums import (
    MAGNITUDES,
    OF_MAGNITUDES,
    OF_PARAMETER,
    OF_SQUARES,
    SQUARES,
    carefully,
    clear,
    trusted,
)

# Sums of a parameter's chunks are gathered lane by lane, in four rows of 16 float64 numbers.
_W, _G, _G_SIZES, _CHANGE = (8 * LANES * row for row in range(4))
GATHERED = 4 * LANES


@inline
def gather_parameter(squares: Any, w: int, n: int, gathered: int, out: int) -> None:
    """Gather the squares of a chunk of a parameter; w and n tell where to look if they cannot be trusted."""
    if trusted(squares):
        add_to_doubles(gathered + _W, squares)
    else:
        carefully(w, 0, n, out, 0)


@inline
def gather_gradient(squares: Any, sizes: Any, g: int, n: int, gathered: int, out: int) -> None:
    """Gather the squares and magnitudes of its gradient."""
    if not any_lane(differs(sizes, splat(ZERO))):
        return
    if trusted(squares):
        add_to_doubles(gathered + _G, squares)
        add_to_doubles(gathered + _G_SIZES, sizes)
    else:
        carefully(g, 0, n, out + 8 * OF_SQUARES, 1)


@inline
def gather_change(squares: Any, w: int, kept: int, n: int, gathered: int, out: int) -> None:
    """Gather the squares of what has changed of it since a copy was kept."""
    if trusted(squares):
        add_to_doubles(gathered + _CHANGE, squares)
    else:
        carefully(w, kept, n, out + 8 * (OF_SQUARES + OF_MAGNITUDES), 0)


@inline
def hand_over(gathered: int, out_at: int) -> None:
    """Add what was gathered of a parameter to its place."""
    out = doubles(out_at, OF_PARAMETER)
    gradient, change = OF_SQUARES, OF_SQUARES + OF_MAGNITUDES
    out[SQUARES] += total_at(gathered + _W)
    out[gradient + SQUARES] += total_at(gathered + _G)
    out[gradient + MAGNITUDES] += total_at(gathered + _G_SIZES)
    out[change + SQUARES] += total_at(gathered + _CHANGE)
    clear(gathered, GATHERED)
