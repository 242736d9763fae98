"""Activations: the formula of each and of its derivative, as kernels (pointwise.py), and all by name.

The formulas are those of koubai.layers. GELU, SiLU and Mish need u for their derivative: they write y beside
it, and their backward kernels take u.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from koubai.engines.native.kernels import functions as f
from koubai.engines.native.kernels.base import Kernel
from koubai.engines.native.kernels.functions import ONE, ZERO
from koubai.engines.native.kernels.pointwise import Backward, backward, beside, in_place

_SCALE = np.float32(1.0507009873554805)
_SCALE_ALPHA = np.float32(1.0507009873554805 * 1.6732632423543772)


@in_place
def relu(u: Any, _: Any) -> Any:
    """y = max(0, u); NaN stays NaN."""
    return ZERO if u < ZERO else u


@backward
def relu_backward(y: Any, dy: Any, _: Any) -> Any:
    """du = dy where y > 0."""
    return dy if y > ZERO else ZERO


@in_place
def leaky_relu(u: Any, slope: Any) -> Any:
    """y = u for u > 0, else slope u."""
    return u if u > ZERO else slope * u


@backward
def leaky_relu_backward(y: Any, dy: Any, slope: Any) -> Any:
    """du = dy or slope dy."""
    return dy if y > ZERO else slope * dy


@in_place
def elu(u: Any, alpha: Any) -> Any:
    """y = u for u > 0, else alpha (e^u - 1)."""
    below = alpha * f.expm1(ZERO if u > ZERO else u)
    return u if u > ZERO else below


@backward
def elu_backward(y: Any, dy: Any, alpha: Any) -> Any:
    """du = dy or dy (y + alpha)."""
    return dy if y > ZERO else dy * (y + alpha)


@in_place
def selu(u: Any, _: Any) -> Any:
    """y = lambda u for u > 0, else lambda alpha (e^u - 1)."""
    below = _SCALE_ALPHA * f.expm1(ZERO if u > ZERO else u)
    return _SCALE * u if u > ZERO else below


@backward
def selu_backward(y: Any, dy: Any, _: Any) -> Any:
    """du = lambda dy or dy (y + lambda alpha)."""
    return dy * (_SCALE if y > ZERO else y + _SCALE_ALPHA)


@in_place
def step(u: Any, _: Any) -> Any:
    """y = 1 for u >= 0, else 0; NaN stays NaN."""
    below = ZERO if u < ZERO else u
    return ONE if u >= ZERO else below


@backward
def step_backward(y: Any, dy: Any, _: Any) -> Any:
    """du = 0."""
    return ZERO


@in_place
def sigmoid(u: Any, _: Any) -> Any:
    """y = 1 / (1 + e^-u)."""
    return f.sigmoid(u)


@backward
def sigmoid_backward(y: Any, dy: Any, _: Any) -> Any:
    """du = dy y (1 - y)."""
    return dy * (y * (ONE - y))


@in_place
def tanh(u: Any, _: Any) -> Any:
    """y = tanh u."""
    return f.tanh(u)


@backward
def tanh_backward(y: Any, dy: Any, _: Any) -> Any:
    """du = dy (1 - y^2)."""
    return dy * (ONE - y * y)


@in_place
def exponential(u: Any, _: Any) -> Any:
    """y = e^u."""
    return f.exp(u)


@backward
def exponential_backward(y: Any, dy: Any, _: Any) -> Any:
    """du = dy y."""
    return dy * y


@in_place
def softplus(u: Any, _: Any) -> Any:
    """y = log(1 + e^u)."""
    return f.softplus(u)


@backward
def softplus_backward(y: Any, dy: Any, _: Any) -> Any:
    """du = dy sigmoid(u), where sigmoid(u) = 1 - e^-y."""
    return -dy * f.expm1(-y)


@beside
def gelu(u: Any, _: Any) -> Any:
    """y = u Phi(u)."""
    return u * f.normal_distribution(u)


@backward
def gelu_backward(u: Any, dy: Any, _: Any) -> Any:
    """du = dy (Phi(u) + u phi(u))."""
    return dy * (f.normal_distribution(u) + u * f.normal_density(u))


@beside
def silu(u: Any, _: Any) -> Any:
    """y = u s(u)."""
    return u * f.sigmoid(u)


@backward
def silu_backward(u: Any, dy: Any, _: Any) -> Any:
    """du = dy (s + u s (1 - s))."""
    s = f.sigmoid(u)
    return dy * (s + u * s * (ONE - s))


@beside
def mish(u: Any, _: Any) -> Any:
    """y = u tanh(softplus(u))."""
    return u * f.tanh(f.softplus(u))


@backward
def mish_backward(u: Any, dy: Any, _: Any) -> Any:
    """du = dy (t + u (1 - t^2) s(u)), t = tanh(softplus(u))."""
    t = f.tanh(f.softplus(u))
    return dy * (t + u * (ONE - t * t) * f.sigmoid(u))


class Function(NamedTuple):
    """The kernels of an activation: forward takes InPlace, or Beside where backward needs u, not y."""

    forward: Kernel[Any]
    backward: Kernel[Backward]
    needs_u: bool = False


# By registry name.
FUNCTIONS: dict[str, Function] = {
    "step": Function(step, step_backward),
    "sigmoid": Function(sigmoid, sigmoid_backward),
    "tanh": Function(tanh, tanh_backward),
    "exponential": Function(exponential, exponential_backward),
    "relu": Function(relu, relu_backward),
    "leaky_relu": Function(leaky_relu, leaky_relu_backward),
    "elu": Function(elu, elu_backward),
    "selu": Function(selu, selu_backward),
    "softplus": Function(softplus, softplus_backward),
    "gelu": Function(gelu, gelu_backward, needs_u=True),
    "silu": Function(silu, silu_backward, needs_u=True),
    "mish": Function(mish, mish_backward, needs_u=True),
}
