"""How numbers are written for a reader: few digits, no 2.5e-05."""

from __future__ import annotations

import math
from collections.abc import Sequence

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MISSING = "–"


def number(x: float | int | None, digits: int = 3) -> str:
    """Return a number with `digits` significant digits; very large and small ones as a power of ten.

    >>> [number(x) for x in (0, 7, 1797, .95249, 12345.6, 2.5e-5, -.0001, 3e12, math.nan, math.inf, None)]
    ['0', '7', '1,797', '0.952', '12,346', '2.5×10⁻⁵', '−10⁻⁴', '3×10¹²', 'NaN', '∞', '–']
    """
    if x is None:
        return MISSING
    if not math.isfinite(x):
        return "NaN" if math.isnan(x) else ("∞" if x > 0 else "−∞")
    if x == 0:
        return "0"
    sign, size = ("−" if x < 0 else ""), abs(x)
    if isinstance(x, int) and size < 10**9:
        return f"{sign}{size:,}"
    if not 1e-3 <= size < 1e6:
        mantissa, exponent = f"{size:.{digits - 1}e}".split("e")
        head = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
        return sign + (power if head == "1" else f"{head}×{power}")
    decimals = max(digits - 1 - math.floor(math.log10(size)), 0)
    text = f"{size:,.{decimals}f}"
    return sign + (text.rstrip("0").rstrip(".") if "." in text else text)


def percent(x: float | None, decimals: int = 1) -> str:
    """Return a share in percent.

    >>> percent(.95249), percent(1.0), percent(None), percent(-.004)
    ('95.2%', '100.0%', '–', '−0.4%')
    """
    if x is None or not math.isfinite(x):
        return MISSING if x is None else number(x)
    return f"{100 * x:.{decimals}f}%".replace("-", "−")


def decades(exponents: Sequence[float]) -> list[str]:
    """Return powers of ten as the ticks of one logarithmic scale: as decimals where all of them are short.

    >>> decades([-5, -3, -1]), decades([-2, -1, 0, 1]), decades([-.5, 0])
    (['10⁻⁵', '10⁻³', '10⁻¹'], ['0.01', '0.1', '1', '10'], ['0.32', '1'])
    """
    if all(-3 <= exponent <= 3 for exponent in exponents):
        return [number(10.0**exponent, 2) for exponent in exponents]
    return ["10" + str(int(exponent)).translate(_SUPERSCRIPTS) if exponent else "1" for exponent in exponents]


def points(x: float | None) -> str:
    """Return a difference of two shares in percentage points, without the unit.

    >>> points(.0251), points(-.855)
    ('2.5', '−85.5')
    """
    return percent(x).removesuffix("%")


def ratio(x: float | None) -> str:
    """Return a ratio as a learner says it: one over something where it is small.

    >>> [ratio(x) for x in (2.51e-5, .004, .06, .42, 1, 38, 0, None, 5e-18)]
    ['1/40,000', '1/250', '1/17', '0.42', '1', '38', '0', '–', '5×10⁻¹⁸']
    """
    if x is None or not math.isfinite(x) or x <= 0 or x >= 0.1:
        return number(x, 2)
    inverse = 1 / x
    if inverse >= 1e9:
        return number(x, 1)
    digits = 1 if inverse >= 1000 else 2
    unit = 10 ** max(math.floor(math.log10(inverse)) - digits + 1, 0)
    return f"1/{round(inverse / unit) * unit:,}"


def seconds(x: float | None) -> str:
    """Return a duration.

    >>> [seconds(x) for x in (.0123, 4.56, 75, 7322)]
    ['12 ms', '4.6 s', '1 min 15 s', '2 h 2 min']
    """
    if x is None or not math.isfinite(x):
        return MISSING
    if x < 1:
        return f"{1000 * x:.0f} ms"
    if x < 59.95:
        return f"{x:.1f} s"
    minutes, rest = divmod(round(x), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
