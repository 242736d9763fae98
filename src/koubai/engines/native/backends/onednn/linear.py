"""Affine maps: small ones by koubai's own products, others by oneDNN's inner product."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from koubai.core.params import Array, Shape
from koubai.engines.native.backends.onednn import primitives
from koubai.engines.native.backends.onednn.execute import execute
from koubai.engines.native.backends.onednn.library import Unimplemented
from koubai.engines.native.backends.onednn.primitives import BF16, F32, MD, PD
from koubai.engines.native.graph import Node
from koubai.engines.native.instructions import Buffer, Tensor
from koubai.engines.native.kernels import tiles
from koubai.engines.native.layout import Layout
from koubai.engines.native.ops import linear
from koubai.engines.native.plan import ShardPlan
from koubai.engines.native.store import Permuted

# Measured on Sapphire Rapids: up to some 64 thousand weights the product with W as in the formula, (F, G), is
# fastest, above with its transpose (G, F). On Zen 5 that holds for dx alone: the forward product packs such
# a W first, and a layer without dx keeps it as in the formula. From some 8 million on, with few samples,
# packing W again for every product costs more than all else, and W is kept as oneDNN packs it.
_TRANSPOSE_FROM, _PACK_FROM = 1 << 16, 1 << 23


@dataclass(frozen=True)
class LinearForm:
    """W (F, G), its inputs in the order of x's places: (S, C) where x has channels last.

    | kind       | in memory                                                     |
    |------------|---------------------------------------------------------------|
    | by input   | (F, G)                                                        |
    | by output  | (G, F)                                                        |
    | packed     | as oneDNN's product of `rows` samples likes it                |
    | half       | as oneDNN puts out dW of `rows` samples in bfloat16           |
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
        dtype = BF16 if self.kind == "half" else F32
        x, y = MD.plain((self.rows, self.shape[1]), dtype), MD.plain((self.rows, self.outputs), dtype)
        forward = primitives.inner_product(x, MD.any(self.shape, dtype), None, y)
        if self.kind == "packed":
            return forward.md("weights", self.shape)
        backward = primitives.inner_product_weights(x, MD.any(self.shape), None, y, forward)
        return backward.md("dweights", self.shape)

    def serves_all_directions(self) -> bool:
        """Whether all its products have primitives; on processors without AVX-512 a packed W has not."""
        x, y = MD.plain((self.rows, self.shape[1])), MD.plain((self.rows, self.outputs))
        try:
            forward = primitives.inner_product(x, self.md, None, y)
            primitives.inner_product_weights(x, self.md, None, y, forward)
            primitives.inner_product_data(x, self.md, y, forward)
        except Unimplemented:
            return False
        return True

    @property
    def elements(self) -> int:
        """Elements, with padding."""
        return self.md.nbytes // 4

    @property
    def _permuted(self) -> Permuted:
        C, S, G = self.channels, self.space, self.outputs
        axes = (1, 0, 2) if self.kind == "by input" else (2, 1, 0)
        return Permuted((C * S, G), (C, S, G), axes)

    def store(self, logical: Array, memory: Array) -> None:
        """Write W into memory."""
        if self.kind in ("by input", "by output"):
            self._permuted.store(logical, memory)
            return
        plain = np.empty(self._permuted.elements, np.float32)
        self._permuted.store(logical, plain)
        primitives.copy(MD.plain(self.shape), plain, self.md, memory)

    def load(self, memory: Array) -> Array:
        """Return W."""
        if self.kind in ("by input", "by output"):
            return self._permuted.load(memory)
        plain = np.empty(self._permuted.elements, np.float32)
        primitives.copy(self.md, memory, MD.plain(self.shape), plain)
        return self._permuted.load(plain)


@dataclass(frozen=True)
class _LinearChoice:
    """Layouts of x and y and the forward primitive of one product; y may be wider than x."""

    x: Layout
    x_md: MD
    y: Layout
    y_md: MD
    dy: Layout
    dy_md: MD
    forward: PD


class LinearOp(linear.LinearOp):
    """y = x W + b;  dW = x^T dy, db = sum dy, dx = dy W^T."""

    def has_own_product(self, plan: ShardPlan, node: Node) -> bool:
        """Only with AVX-512: with AVX2 oneDNN is some 5 % faster."""
        return tiles.HAVE_WIDE_REGISTERS and super().has_own_product(plan, node)

    def _form(self, plan: ShardPlan, node: Node) -> LinearForm:
        weight = node.stored["weight"]
        F, G = weight.shape
        layout = plan.get(node.inputs[0]).layout
        C, S = (layout.channels, layout.space) if layout.is_last else (F, 1)

        def choose() -> LinearForm:
            if plan.half:
                return LinearForm("half", C, S, G, plan.shard.rows)
            packed = LinearForm("packed", C, S, G, plan.shard.rows)
            if F * G >= _PACK_FROM and packed.serves_all_directions():
                return packed
            large = F * G >= _TRANSPOSE_FROM and plan.wants_gradient(node.inputs[0])
            kind = "by output" if large else "by input"
            return LinearForm(kind, C, S, G, plan.shard.rows)

        form = plan.store.settle(weight, choose)
        assert isinstance(form, LinearForm)  # nobody else gives a linear weight its form
        return form

    def _choose(self, plan: ShardPlan, node: Node) -> _LinearChoice:
        """bfloat16 where asked for; what the loss is taken of stays float32."""
        form, rows, bias = self._form(plan, node), plan.shard.rows, node.stored.get("bias")
        half = form.kind == "half"
        narrow, wide = BF16 if half else F32, BF16 if half and not plan.ends(node.output) else F32
        x = Layout(rows, form.channels, form.space, form.channels, half)
        y = Layout.plain(rows, (form.outputs,))
        x_md, shape = MD.plain((rows, x.features), narrow), (rows, form.outputs)
        packs = half or form.kind == "by output"
        w_md = MD.any(form.shape, narrow) if packs else form.md
        b_md = MD.plain((form.outputs,)) if bias else None
        forward = primitives.inner_product(x_md, w_md, b_md, MD.plain(shape, wide))
        return _LinearChoice(
            x,
            x_md,
            y.as_half(wide == BF16),
            MD.plain(shape, wide),
            y.as_half(half),
            MD.plain(shape, narrow),
            forward,
        )

    def _weight(self, plan: ShardPlan, node: Node, md: MD) -> Buffer:
        """W in a primitive's layout."""
        form, weight = self._form(plan, node), plan.weight(node.stored["weight"])
        if md == form.md:
            return weight
        packed = Buffer(md.nbytes)
        why = "W in bfloat16" if form.kind == "half" else "pack W: to the order that is multiplied fastest"
        execute(plan, primitives.reorder(form.md, md), why, src=(weight, form.md), dst=(packed, md))
        return packed

    def forward(self, plan: ShardPlan, node: Node) -> None:
        """y."""
        if self.has_own_product(plan, node):
            super().forward(plan, node)
            return
        c, bias = self._choose(plan, node), node.stored.get("bias")
        x, y = plan.get(node.inputs[0], c.x), plan.new(c.y)
        extra = {"bias": (plan.weight(bias), MD.plain(bias.shape))} if bias else {}
        md = c.forward.md("weights", self._form(plan, node).shape, c.x_md.dtype)
        weight = self._weight(plan, node, md)
        execute(plan, c.forward, src=(x, c.x_md), weights=(weight, md), dst=(y, c.y_md), **extra)
        plan.set(node.output, y)
        plan.saved[node] = c, x, md, weight

    def backward(self, plan: ShardPlan, node: Node, dy: Tensor) -> None:
        """dW and db, then dx."""
        if self.has_own_product(plan, node):
            super().backward(plan, node, dy)
            return
        (value,), (c, x, packed_md, packed) = node.inputs, plan.saved[node]
        form, bias = self._form(plan, node), node.stored.get("bias")
        dy = plan.convert(dy, c.dy)
        b_md = MD.plain((form.outputs,)) if bias else None
        pd = primitives.inner_product_weights(c.x_md, form.md, b_md, c.dy_md, c.forward)
        extra = {"dbias": (plan.gradient(bias), b_md)} if bias and b_md else {}
        dweight = plan.gradient(node.stored["weight"])
        execute(plan, pd, src=(x, c.x_md), ddst=(dy, c.dy_md), dweights=(dweight, form.md), **extra)
        if plan.wants_gradient(value):
            w_md = MD.any(form.shape, BF16) if form.kind == "half" else form.md
            pd = primitives.inner_product_data(c.x_md, w_md, c.dy_md, c.forward)
            md, dx = pd.md("weights", form.shape, c.x_md.dtype), plan.new(c.x)
            weight = packed if md == packed_md else self._weight(plan, node, md)
            execute(plan, pd, dsrc=(dx, c.x_md), weights=(weight, md), ddst=(dy, c.dy_md))
            plan.contribute(value, dx)
