"""A builder that knows every verb and tracks shapes only: it runs a lowering without an engine."""

from dataclasses import dataclass
from math import prod

from koubai.layers.window import out_size


@dataclass(frozen=True)
class Shaped:
    shape: tuple[int, ...]


class ShapeBuilder:
    """Implements koubai.core.verbs.Builder; `listing` holds the verbs in the order they were asked for."""

    def __init__(self, root):
        self.cell = root
        self.listing = []

    def lower(self, cell, x):
        assert x.shape == cell.in_shape, f"{cell.path}: lowered on {x.shape}, wired for {cell.in_shape}"
        outer, self.cell = self.cell, cell
        y = cell.layer.lower(self, x)
        self.cell = outer
        assert y.shape == cell.out_shape, f"{cell.path}: lowered to {y.shape}, wired for {cell.out_shape}"
        return y

    def _verb(self, name, shape):
        self.listing.append(name)
        return Shaped(tuple(shape))

    def param(self, name):
        return Shaped(self.cell.layer.params(self.cell.in_shape)[name].shape)

    def buffer(self, name):
        return Shaped(self.cell.layer.buffers(self.cell.in_shape)[name].shape)

    def child(self, name, x):
        return self.lower(self.cell.children[name], x)

    def linear(self, x, weight, bias):
        assert x.shape == weight.shape[:1]
        assert bias is None or bias.shape == weight.shape[1:]
        return self._verb("linear", weight.shape[1:])

    def convolve(self, x, weight, bias, *, stride, padding, dilation, groups):
        (channels, *space), (maps, inner, *kernel) = x.shape, weight.shape
        assert inner * groups == channels
        assert bias is None or bias.shape == (maps,)
        sizes = zip(space, kernel, stride, padding, dilation, strict=True)
        return self._verb("convolve", (maps, *(out_size(*numbers) for numbers in sizes)))

    def convolve_transposed(self, x, weight, bias, *, stride, padding, output_padding, dilation, groups):
        (channels, *space), (inner, maps, *kernel) = x.shape, weight.shape
        assert channels == inner
        assert bias is None or bias.shape == (maps * groups,)
        sizes = zip(space, kernel, stride, padding, dilation, output_padding, strict=True)
        out = (s * (n - 1) + d * (k - 1) + 1 - 2 * p + extra for n, k, s, p, d, extra in sizes)
        return self._verb("convolve_transposed", (maps * groups, *out))

    def pad(self, x, padding, mode):
        assert mode in ("reflect", "replicate", "random")
        channels, *space = x.shape
        return self._verb(
            f"pad {mode}", (channels, *(n + 2 * p for n, p in zip(space, padding, strict=True)))
        )

    def pool(self, x, kind, *, size, stride, padding):
        assert kind in ("max", "average")
        sizes = zip(x.shape[1:], size, stride, padding, strict=True)
        return self._verb("pool", (x.shape[0], *(out_size(*numbers) for numbers in sizes)))

    def batch_norm(self, x, gamma, beta, mean, variance, *, momentum, epsilon):
        assert all(tensor is None or tensor.shape == x.shape[:1] for tensor in (gamma, beta, mean, variance))
        assert 0 <= momentum < 1 < 1 + epsilon
        return self._verb("batch_norm", x.shape)

    def layer_norm(self, x, gamma, beta, *, epsilon):
        assert gamma.shape == beta.shape == x.shape
        assert epsilon > 0
        return self._verb("layer_norm", x.shape)

    def group_norm(self, x, gamma, beta, *, groups, epsilon):
        assert gamma.shape == beta.shape == x.shape[:1]
        assert x.shape[0] % groups == 0
        assert epsilon > 0
        return self._verb("group_norm", x.shape)

    def local_response(self, x, *, size, k, alpha, beta):
        assert size % 2 == 1
        assert all(isinstance(number, float) for number in (k, alpha, beta))
        return self._verb("local_response", x.shape)

    def pointwise(self, x, function, **constants):
        assert all(isinstance(number, float) for number in constants.values())
        return self._verb(f"pointwise {function}", x.shape)

    def prelu(self, x, slope):
        assert slope.shape in (x.shape[:1], (1,))
        return self._verb("prelu", x.shape)

    def softmax(self, x):
        return self._verb("softmax", x.shape)

    def dropout(self, x, ratio):
        assert 0 <= ratio < 1
        return self._verb("dropout", x.shape)

    def reshape(self, x, shape):
        assert prod(shape) == prod(x.shape)
        return self._verb("reshape", shape)

    def mean_over_space(self, x):
        return self._verb("mean_over_space", x.shape[:1])

    def add(self, x, y):
        assert x.shape == y.shape
        return self._verb("add", x.shape)

    def concatenate(self, xs):
        assert len({x.shape[1:] for x in xs}) == 1
        return self._verb("concatenate", (sum(x.shape[0] for x in xs), *xs[0].shape[1:]))
