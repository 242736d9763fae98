"""exp and its relatives in float32, free of branches, so that loops over them become vector code.

Each is within about two units in the last place of the exact value, keeps NaN, and overflows to infinity or
underflows to 0 where the exact value does. Method: exp(x) = 2^k exp(r) with |r| <= ln 2 / 2, and a polynomial
for exp(r) (Cephes library, Moshier 1989).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from koubai.engines.native.kernels.base import as_bits, as_float, inline

_F = np.float32
ZERO, HALF, ONE, TWO = _F(0), _F(0.5), _F(1), _F(2)
_LOG2E, _LN2_HIGH, _LN2_LOW = _F(1.44269504088896341), _F(0.693359375), _F(-2.12194440e-4)
_LOWEST, _HIGHEST = _F(-104), _F(89)  # beyond them exp is 0 or infinite in float32
_E2, _E3, _E4 = _F(5.0000001201e-1), _F(1.6666665459e-1), _F(4.1665795894e-2)
_E5, _E6, _E7 = _F(8.3334519073e-3), _F(1.3981999507e-3), _F(1.9875691500e-4)


@inline
def _reduce(x: Any) -> Any:
    """(k, exp(r) - 1) for x inside the limits; a NaN in x reaches exp(r) - 1 and leaves k finite."""
    k = np.floor(x * _LOG2E + HALF)
    r = x - k * _LN2_HIGH - k * _LN2_LOW
    p = _E7 * r + _E6
    p = p * r + _E5
    p = p * r + _E4
    p = p * r + _E3
    p = p * r + _E2
    return (ZERO if np.isnan(k) else k), p * r * r + r


@inline
def _power_of_two(k: Any) -> Any:
    return as_float(np.int32((np.int32(k) + np.int32(127)) << np.int32(23)))


@inline
def exp(x: Any) -> Any:
    """e^x."""
    x = _LOWEST if x < _LOWEST else x
    x = _HIGHEST if x > _HIGHEST else x
    k, q = _reduce(x)
    n = np.int32(k)
    half = np.int32(n >> np.int32(1))  # in two factors: 2^128 and 2^-149 are no normal float32
    return (q + ONE) * _power_of_two(half) * _power_of_two(np.int32(n - half))


@inline
def expm1(x: Any) -> Any:
    """e^x - 1 for x <= 60, without cancellation at 0."""
    x = _F(-60) if x < _F(-60) else x
    x = _F(60) if x > _F(60) else x
    k, q = _reduce(x)
    s = _power_of_two(np.int32(k))
    return s * q + (s - ONE)


@inline
def log1p(x: Any) -> Any:
    """log(1 + x) for 0 <= x <= 1: 2 artanh(z), z = x / (2 + x) <= 1/3, by its series."""
    z = x / (TWO + x)
    s = z * z
    p = _F(2 / 15) * s + _F(2 / 13)
    p = p * s + _F(2 / 11)
    p = p * s + _F(2 / 9)
    p = p * s + _F(2 / 7)
    p = p * s + _F(2 / 5)
    p = p * s + _F(2 / 3)
    return p * s * z + TWO * z


@inline
def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), with e = e^-|x|, which overflows for no x."""
    e = exp(-abs(x))
    return (e if x < ZERO else ONE) / (ONE + e)


@inline
def tanh(x: Any) -> Any:
    """t / (t + 2) with t = e^(2 |x|) - 1, and the sign of x."""
    t = expm1(TWO * abs(x))
    y = t / (t + TWO)
    return -y if x < ZERO else y


@inline
def softplus(x: Any) -> Any:
    """log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)."""
    return (ZERO if x < ZERO else x) + log1p(exp(-abs(x)))


@inline
def normal_density(x: Any) -> Any:
    """exp(-x^2 / 2) / sqrt(2 pi); the square in two parts, so that its rounding does not grow in exp."""
    x = abs(x)
    x = _F(20) if x > _F(20) else x
    high = np.floor(x * _F(16) + HALF) * _F(0.0625)  # few digits: high^2 is exact
    low = x - high
    return exp(-HALF * high * high) * exp(-low * (high + HALF * low)) * _F(0.3989422804014327)


@inline
def normal_distribution(x: Any) -> Any:
    """Phi(x), without cancellation at x << 0.

    Rational Chebyshev fit of erfc with a relative error below 1.2e-7 (Press et al., Numerical Recipes 6.2).
    """
    z = abs(x) * _F(0.7071067811865476)
    t = ONE / (ONE + HALF * z)
    p = _F(0.17087277) * t + _F(-0.82215223)
    p = p * t + _F(1.48851587)
    p = p * t + _F(-1.13520398)
    p = p * t + _F(0.27886807)
    p = p * t + _F(-0.18628806)
    p = p * t + _F(0.09678418)
    p = p * t + _F(0.37409196)
    p = p * t + _F(1.00002368)
    p = p * t + _F(-1.26551223)
    tail = t * exp(p) * normal_density(x) * _F(1.2533141373155003)  # erfc(z) / 2
    return tail if x < ZERO else ONE - tail


@inline
def log(x: Any) -> Any:
    """log x for x > 0 (normal); NaN for x < 0, -inf at 0. Cephes library, Moshier 1989."""
    bits = as_bits(x)
    n = np.int32(np.int32(bits >> np.int32(23)) - np.int32(126))
    m = as_float(np.int32((bits & np.int32(0x007FFFFF)) | np.int32(0x3F000000)))  # 0.5 <= m < 1
    low = m < _F(0.70710678118654752440)
    e = np.float32(n) - (ONE if low else ZERO)
    r = (m + m if low else m) - ONE
    s = r * r
    p = _F(7.0376836292e-2) * r + _F(-1.1514610310e-1)
    p = p * r + _F(1.1676998740e-1)
    p = p * r + _F(-1.2420140846e-1)
    p = p * r + _F(1.4249322787e-1)
    p = p * r + _F(-1.6668057665e-1)
    p = p * r + _F(2.0000714765e-1)
    p = p * r + _F(-2.4999993993e-1)
    p = p * r + _F(3.3333331174e-1)
    y = (p * r * s + e * _LN2_LOW - HALF * s) + r + e * _LN2_HIGH
    y = y if x > ZERO else _F(np.nan)  # also where x is NaN
    y = _F(-np.inf) if x == ZERO else y
    return _F(np.inf) if x > _F(3.4028235e38) else y


@inline
def mean_and_scale(x: Any, F: Any, epsilon: Any) -> Any:
    """Mean of F numbers and 1 / sqrt(variance + epsilon), both summed in double precision."""
    total = 0.0
    for j in range(F):
        total += x[j]
    mean = _F(total / F)
    square = 0.0
    for j in range(F):
        square += (x[j] - mean) * (x[j] - mean)
    return mean, ONE / np.sqrt(_F(square / F) + epsilon)
