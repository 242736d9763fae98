"""The kernels of every activation, by its registry name."""

from __future__ import annotations

from typing import Any, NamedTuple

from koubai.engines.native.kernels.base import Kernel
from koubai.engines.native.kernels.pointwise import (
    Backward,
    elu,
    elu_backward,
    exponential,
    exponential_backward,
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu_backward,
    selu,
    selu_backward,
    sigmoid,
    sigmoid_backward,
    softplus,
    softplus_backward,
    step,
    step_backward,
    tanh,
    tanh_backward,
)
from koubai.engines.native.kernels.smooth import gelu, gelu_backward, mish, mish_backward, silu, silu_backward


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
