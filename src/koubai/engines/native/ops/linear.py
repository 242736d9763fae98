"""Affine maps, by oneDNN's inner product."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from koubai.core.params import Array, Shape
from koubai.engines.native import onednn
from koubai.engines.native.graph import Node
from koubai.engines.native.layout import Layout
from koubai.engines.native.onednn import MD, PD
from koubai.engines.native.ops.base import BaseOp
from koubai.engines.native.plan import Plan, Tensor
from koubai.engines.native.store import Permuted

# Measured on Sapphire Rapids: up to some 64 thousand weights the product with W as in the formula, (F, G), is
# fastest, above with its transpose (G, F); from some 8 million on, with few samples, packing W anew for
# every product costs more than all else, and W is kept as oneDNN packs it.
_TRANSPOSE_FROM, _PACK_FROM = 1 << 16, 1 << 23


@dataclass(frozen=True)
class LinearForm:
    """W (F, G), its inputs in the order of x's places: (S, C) where x has channels last.

    | kind       | in memory                      |
    |------------|--------------------------------|
    | by input   | (F, G)                         |
    | by output  | (G, F)                         |
    | packed     | as oneDNN likes it for `rows`  |
    """

    kind: str
    channels: int
    space: int
    outputs: int
    rows: int

    @property
    def shape(self) -> Shape:
        """(G, F), as oneDNN counts."""
        return (self.outputs, self.channels * self.space)

    @cached_property
    def md(self) -> MD:
        """The layout in memory."""
        if self.kind == "by input":
            return MD.strided(self.shape, (1, self.outputs))
        if self.kind == "by output":
            return MD.plain(self.shape)
        x, y = MD.plain((self.rows, self.shape[1])), MD.plain((self.rows, self.outputs))
        return onednn.inner_product(x, MD.any(self.shape), None, y).md("weights", self.shape)

    @property
    def words(self) -> int:
        """Elements, with padding."""
        return self.md.nbytes // 4

    @property
    def _permuted(self) -> Permuted:
        C, S, G = self.channels, self.space, self.outputs
        axes = (1, 0, 2) if self.kind == "by input" else (2, 1, 0)
        return Permuted((C * S, G), (C, S, G), axes)

    def store(self, logical: Array, memory: Array) -> None:
        """Write W into memory."""
        if self.kind != "packed":
            self._permuted.store(logical, memory)
            return
        plain = np.empty(self._permuted.words, np.float32)
        self._permuted.store(logical, plain)
        onednn.copy(MD.plain(self.shape), plain, self.md, memory)

    def load(self, memory: Array) -> Array:
        """Return W."""
        if self.kind != "packed":
            return self._permuted.load(memory)
        plain = np.empty(self._permuted.words, np.float32)
        onednn.copy(self.md, memory, MD.plain(self.shape), plain)
        return self._permuted.load(plain)


class LinearOp(BaseOp):
    """y = x W + b;  dW = x^T dy, db = sum dy, dx = dy W^T."""

    def keeps_input(self, node: Node) -> bool:
        """For dW."""
        return True

    def _form(self, plan: Plan, node: Node) -> LinearForm:
        weight = node.stored["weight"]
        F, G = weight.shape
        layout = plan.get(node.inputs[0]).layout
        C, S = (layout.channels, layout.space) if layout.is_last else (F, 1)

        def choose() -> LinearForm:
            packed = F * G >= _PACK_FROM
            kind = "packed" if packed else "by output" if F * G >= _TRANSPOSE_FROM else "by input"
            return LinearForm(kind, C, S, G, plan.part.rows)

        form = plan.store.settle(weight, choose)
        assert isinstance(form, LinearForm)  # nobody else gives a linear weight its form
        return form

    def forward(self, plan: Plan, node: Node) -> None:
        """y."""
        form, rows = self._form(plan, node), plan.part.rows
        x = plan.get(node.inputs[0], Layout(rows, form.channels, form.space, form.channels))
        y = plan.plain(node.output.shape)
        x_md, y_md = MD.plain((rows, x.layout.features)), MD.plain((rows, form.outputs))
        bias, b_md = node.stored.get("bias"), MD.plain((form.outputs,))
        pd = onednn.inner_product(x_md, form.md, b_md if bias else None, y_md)
        extra = {"bias": (plan.weight(bias), b_md)} if bias else {}
        weight = plan.weight(node.stored["weight"])
        plan.execute(pd, src=(x, x_md), weights=(weight, form.md), dst=(y, y_md), **extra)
        plan.set(node.output, y)
        plan.saved[node] = x, pd, x_md, y_md

    def backward(self, plan: Plan, node: Node, dy: Tensor) -> None:
        """dW and db, then dx."""
        (value,), (x, forward, x_md, y_md) = node.inputs, plan.saved[node]
        form = self._form(plan, node)
        dy = plan.convert(dy, Layout.plain(plan.part.rows, (form.outputs,)))
        self._weights(plan, node, x, dy, forward, x_md, y_md)
        if plan.wants_gradient(value):
            dx, weight = plan.new(x.layout), plan.weight(node.stored["weight"])
            pd = onednn.inner_product_data(x_md, form.md, y_md, forward)
            plan.execute(pd, dsrc=(dx, x_md), weights=(weight, form.md), ddst=(dy, y_md))
            plan.contribute(value, dx)

    def _weights(
        self, plan: Plan, node: Node, x: Tensor, dy: Tensor, forward: PD, x_md: MD, y_md: MD
    ) -> None:
        form, bias = self._form(plan, node), node.stored.get("bias")
        b_md = MD.plain((form.outputs,))
        pd = onednn.inner_product_weights(x_md, form.md, b_md if bias else None, y_md, forward)
        extra = {"dbias": (plan.gradient(bias), b_md)} if bias else {}
        dweight = plan.gradient(node.stored["weight"])
        plan.execute(pd, src=(x, x_md), ddst=(dy, y_md), dweights=(dweight, form.md), **extra)
