"""Examine: make a checkup of a network and its weights, with the reference formulas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from koubai.core.blas_threads import blas_threads
from koubai.core.layer import Cell
from koubai.core.params import Array
from koubai.doctor.patient.checkup import Checkup, LayerCheck, ParamCheck, distinct_rows
from koubai.layers.activations import Activation
from koubai.losses.loss import Loss
from koubai.network.network import Network, Weights, join
from koubai.penalties.penalty import Penalty


def examine(
    network: Network,
    weights: Weights,
    loss: Loss,
    x: Array,
    t: Array,
    *,
    step: int = 0,
    penalties: Sequence[Penalty] = (),
) -> Checkup:
    """Run forward and backward on x (N, ...), t once and measure every layer; the weights stay as they are.

    Batch norm works in training mode (statistics of this batch), dropout is off: what is measured is the
    function being trained, without its noise.
    """
    root = network.bind(weights.copy(), training=True)
    taps: dict[tuple[str, str], Array] = {}
    for cell in root.walk():
        cell.training = not cell.layer.random
        cell.taps = taps
    with (
        blas_threads(1),
        np.errstate(all="ignore"),
    ):  # a sick network overflows; that is a finding, not an accident
        y = root.forward(x)
        value = loss.value(y, t)
        root.backward(loss.gradient(y, t).astype(y.dtype, copy=False))
        tested = network.bind(weights, training=False).forward(x)
        return Checkup(
            step=step,
            samples=len(x),
            loss=value,
            layers={cell.path: _layer(cell, taps) for cell in root.walk() if not cell.children},
            params={
                join(cell.path, name): _param(network, cell, name, penalties)
                for cell in root.walk()
                for name in cell.params
            },
            outputs=tested.reshape(len(x), -1),
            targets=t,
            mode_gap=loss.value(tested, t) - value,
        )


def _layer(cell: Cell, taps: dict[tuple[str, str], Array]) -> LayerCheck:
    y = taps[cell.path, "activation"]
    dy = taps.get((cell.path, "activation_gradient"))
    wide = y.astype(np.float64)
    axes = tuple(axis for axis in range(y.ndim) if axis != 1)
    slope = None
    if isinstance(cell.layer, Activation) and not cell.layer.affine:
        u, saved_y = cell.saved
        steep = np.abs(cell.layer.derivative(u, saved_y)) / (cell.layer.max_derivative or 1.0)
        slope = steep.mean(axis=axes, dtype=np.float64)
    return LayerCheck(
        active=(y != 0).mean(axis=axes),
        alive=(y != 0).any(axis=tuple(range(2, y.ndim))).mean(axis=0)
        if y.ndim > 2
        else (y != 0).mean(axis=0),
        mean=wide.mean(axis=axes),
        std=wide.std(axis=axes),
        slope=slope,
        max_abs=float(np.abs(wide).max(initial=0.0)),
        nonfinite=int((~np.isfinite(y)).sum()),
        gradient_norm=float(np.sqrt((dy.astype(np.float64) ** 2).sum())) if dy is not None else float("nan"),
    )


def _param(network: Network, cell: Cell, name: str, penalties: Sequence[Penalty]) -> ParamCheck:
    w, dw = cell.params[name], cell.grads[name]
    penalized = network.param_specs[join(cell.path, name)].penalized
    pull = sum((penalty.gradient(w) for penalty in penalties), np.zeros_like(w)) if penalized else np.zeros(1)
    rows = _rows_per_unit(cell, cell.params) if name == "weight" else None
    gradient_rows = _rows_per_unit(cell, cell.grads) if name == "weight" else None
    return ParamCheck(
        norm=_norm(w),
        gradient_norm=_norm(dw),
        size=w.size,
        nonfinite=int((~np.isfinite(w)).sum()),
        gradient_nonfinite=int((~np.isfinite(dw)).sum()),
        penalty_gradient_norm=_norm(np.asarray(pull)),
        gradient_zero_share=float((dw == 0).mean()) if dw.size else 0.0,
        units=cell.out_shape[0] if rows is not None else None,
        distinct=distinct_rows(rows) if rows is not None else None,
        distinct_gradients=distinct_rows(gradient_rows) if gradient_rows is not None else None,
    )


def _rows_per_unit(cell: Cell, tensors: dict[str, Array]) -> Array | None:
    """Return what belongs to each unit as one row: its weights and its bias; None for other layers."""
    if cell.layer.unit_axis is None:
        return None
    units = np.moveaxis(tensors["weight"], cell.layer.unit_axis, 0)[:256]
    rows = units.reshape(len(units), -1)
    bias = tensors.get("bias", np.zeros(0))[:256]  # a grouped transposed convolution has more biases
    return np.column_stack([rows, bias]) if len(bias) == len(rows) else rows


def _norm(tensor: Array) -> float:
    return float(np.sqrt((tensor.astype(np.float64) ** 2).sum()))
