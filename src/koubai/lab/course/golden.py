"""Golden paths: the valley's descents in fifty digits, written from the papers and not from our code.

They are what the optimizers' float64 paths must agree with to some 1e-13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext

_DIGITS = 50
_FLAT, _STEEP = Decimal(1) / 10, Decimal(2)  # f = x^2 / 20 + y^2 has the gradient (x / 10, 2 y)


def golden_path(rule: str, rate: str, steps: int = 30) -> list[tuple[float, float]]:
    """Return the path of 'sgd', 'momentum', 'adagrad', 'rmsprop' or 'adam' on x^2 / 20 + y^2 from (-7, 2).

    Each coordinate is its own problem: f has no mixed term, and all rules act element by element.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        columns = [
            list(_RULES[rule](Decimal(start), slope, Decimal(rate), steps))
            for start, slope in ((-7, _FLAT), (2, _STEEP))
        ]
    return [(float(x), float(y)) for x, y in zip(*columns, strict=True)]


def _sgd(x: Decimal, slope: Decimal, rate: Decimal, steps: int) -> Iterator[Decimal]:
    """x(t) = x(0) (1 - rate slope)^t, in closed form."""
    for t in range(steps + 1):
        yield x * (1 - rate * slope) ** t


def _momentum(x: Decimal, slope: Decimal, rate: Decimal, steps: int) -> Iterator[Decimal]:
    """Polyak's heavy ball: x(t+1) = x(t) - rate g + .9 (x(t) - x(t-1))."""
    before = x
    yield x
    for _ in range(steps):
        x, before = x - rate * slope * x + Decimal("0.9") * (x - before), x
        yield x


def _adagrad(x: Decimal, slope: Decimal, rate: Decimal, steps: int) -> Iterator[Decimal]:
    """Every step divided by the root of the sum of all squared gradients, plus 1e-7."""
    gradients: list[Decimal] = []
    yield x
    for _ in range(steps):
        gradients.append(slope * x)
        total = sum((g * g for g in gradients), Decimal(0)).sqrt()
        x -= rate * gradients[-1] / (total + Decimal("1e-7"))
        yield x


def _rmsprop(x: Decimal, slope: Decimal, rate: Decimal, steps: int) -> Iterator[Decimal]:
    """Every step divided by the root of a weighted sum of squares, .01 times .99^age, plus 1e-7."""
    gradients: list[Decimal] = []
    yield x
    for t in range(steps):
        gradients.append(slope * x)
        mean = sum(
            (Decimal("0.01") * Decimal("0.99") ** (t - i) * g * g for i, g in enumerate(gradients)),
            Decimal(0),
        )
        x -= rate * gradients[-1] / (mean.sqrt() + Decimal("1e-7"))
        yield x


def _adam(x: Decimal, slope: Decimal, rate: Decimal, steps: int) -> Iterator[Decimal]:
    """Kingma and Ba's averages as weighted means: weights (1 - b) b^(t - i) / (1 - b^t) of gradient i."""
    first, second = Decimal("0.9"), Decimal("0.999")
    gradients: list[Decimal] = []
    yield x
    for t in range(1, steps + 1):
        gradients.append(slope * x)
        m = _weighted(gradients, first, t)
        v = _weighted([g * g for g in gradients], second, t)
        x -= rate * m / (v.sqrt() + Decimal("1e-8"))
        yield x


def _weighted(values: list[Decimal], keep: Decimal, t: int) -> Decimal:
    total = sum(((1 - keep) * keep ** (t - i) * value for i, value in enumerate(values, 1)), Decimal(0))
    return total / (1 - keep**t)


_RULES: dict[str, Callable[[Decimal, Decimal, Decimal, int], Iterator[Decimal]]] = {
    "sgd": _sgd,
    "momentum": _momentum,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adam": _adam,
}
