"""Ops: each verb as instructions, forward with its adjoint beside it, one file a theme.

`linear` and `convolve` belong to the backends.
"""

from __future__ import annotations

from koubai.engines.native.ops.average_pool import AveragePoolOp
from koubai.engines.native.ops.batch_norm import BatchNormOp
from koubai.engines.native.ops.dropout import DropoutOp
from koubai.engines.native.ops.formula import FormulaOp
from koubai.engines.native.ops.group_norm import GroupNormOp
from koubai.engines.native.ops.max_pool import MaxPoolOp
from koubai.engines.native.ops.pad import PadOp
from koubai.engines.native.ops.pointwise import PointwiseOp
from koubai.engines.native.ops.prelu import PReLUOp
from koubai.engines.native.ops.samples import LayerNormOp, LocalResponseOp, SoftmaxOp
from koubai.engines.native.ops.wiring import AddOp, ConcatenateOp, MeanOverSpaceOp, ReshapeOp
from koubai.engines.native.plan import Op

OPS: dict[str, Op] = {
    "max_pool": MaxPoolOp(),
    "average_pool": AveragePoolOp(),
    "mean_over_space": MeanOverSpaceOp(),
    "batch_norm": BatchNormOp(),
    "layer_norm": LayerNormOp(),
    "local_response": LocalResponseOp(),
    "group_norm": GroupNormOp(),
    "prelu": PReLUOp(),
    "pad": PadOp(),
    "pointwise": PointwiseOp(),
    "softmax": SoftmaxOp(),
    "dropout": DropoutOp(),
    "reshape": ReshapeOp(),
    "add": AddOp(),
    "concatenate": ConcatenateOp(),
    "formula": FormulaOp(),
}
