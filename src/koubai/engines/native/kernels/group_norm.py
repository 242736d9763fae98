"""Group normalization, channels first: a group of a sample is one stretch of memory."""

from __future__ import annotations

from numba import float32

from koubai.engines.native.kernels.base import floats, kernel, number, share, words
from koubai.engines.native.kernels.functions import mean_and_scale


@kernel
def group_norm(args: int, thread: int, team: int) -> None:
    """y = gamma (x - mean) scale + beta.

    (x, y, gamma, beta, saved, samples, G, channels a group, S, epsilon). `saved` keeps the mean and the scale
    of each group of each sample.
    """
    a = words(args, 9)
    G, width, S = a[6], a[7], a[8]
    F, epsilon = width * S, float32(number(args, 9))
    start, count = share(a[5] * G, 1, thread, team)
    for r in range(start, start + count):
        x, y, saved = floats(a[0] + 4 * r * F, F), floats(a[1] + 4 * r * F, F), floats(a[4] + 8 * r, 2)
        first = 4 * (r % G) * width
        gamma, beta = floats(a[2] + first, width), floats(a[3] + first, width)
        mean, scale = mean_and_scale(x, F, epsilon)
        saved[0] = mean
        saved[1] = scale
        for c in range(width):
            for s in range(S):
                y[c * S + s] = gamma[c] * ((x[c * S + s] - mean) * scale) + beta[c]


@kernel
def group_norm_params(args: int, thread: int, team: int) -> None:
    """dgamma = sum dy x_hat, dbeta = sum dy: (x, dy, saved, dgamma, dbeta, samples, G, channels a group, S).

    Split by channels.
    """
    a = words(args, 9)
    G, width, S = a[6], a[7], a[8]
    start, count = share(G * width, 16, thread, team)
    dgamma, dbeta = floats(a[3] + 4 * start, count), floats(a[4] + 4 * start, count)
    for j in range(count):
        c = start + j
        with_x, plain = 0.0, 0.0
        for n in range(a[5]):
            at = 4 * (n * G * width + c) * S
            x, dy, saved = (
                floats(a[0] + at, S),
                floats(a[1] + at, S),
                floats(a[2] + 8 * (n * G + c // width), 2),
            )
            mean, scale = saved[0], saved[1]
            for s in range(S):
                with_x += dy[s] * ((x[s] - mean) * scale)
                plain += dy[s]
        dgamma[j] = float32(with_x)
        dbeta[j] = float32(plain)


@kernel
def group_norm_backward(args: int, thread: int, team: int) -> None:
    """dx = scale (dx_hat - mean of dx_hat - x_hat (mean of dx_hat x_hat)), in the place of dy.

    (x, dy, gamma, saved, samples, G, channels a group, S), where dx_hat = gamma dy.
    """
    a = words(args, 8)
    G, width, S = a[5], a[6], a[7]
    F = width * S
    start, count = share(a[4] * G, 1, thread, team)
    for r in range(start, start + count):
        x, dy, saved = floats(a[0] + 4 * r * F, F), floats(a[1] + 4 * r * F, F), floats(a[3] + 8 * r, 2)
        gamma = floats(a[2] + 4 * (r % G) * width, width)
        mean, scale = saved[0], saved[1]
        total, total_x = 0.0, 0.0
        for c in range(width):
            for s in range(S):
                dy[c * S + s] *= gamma[c]
                total += dy[c * S + s]
                total_x += dy[c * S + s] * ((x[c * S + s] - mean) * scale)
        mean_dy, mean_dy_x = float32(total / F), float32(total_x / F)
        for j in range(F):
            dy[j] = scale * (dy[j] - mean_dy - (x[j] - mean) * scale * mean_dy_x)
