"""Kernels that treat each sample by itself: softmax, layer normalization, local response normalization."""

from __future__ import annotations

from numba import float32

from koubai.engines.native.kernels import functions as f
from koubai.engines.native.kernels.base import floats, kernel, number, share, words
from koubai.engines.native.kernels.functions import TWO, ZERO


@kernel
def softmax(args: int, thread: int, team: int) -> None:
    """y = exp(x - max x) / sum exp(x - max x): (x, y, samples, K)."""
    a = words(args, 4)
    K = a[3]
    start, count = share(a[2], 1, thread, team)
    for n in range(start, start + count):
        x, y = floats(a[0] + 4 * n * K, K), floats(a[1] + 4 * n * K, K)
        top = x[0]
        for k in range(K):
            top = x[k] if x[k] > top else top
        for k in range(K):
            y[k] = f.exp(x[k] - top)
        total = 0.0
        for k in range(K):
            total += y[k]
        for k in range(K):
            y[k] /= float32(total)


@kernel
def softmax_backward(args: int, thread: int, team: int) -> None:
    """dx = y (dy - sum dy y), in the place of dy: (y, dy, samples, K)."""
    a = words(args, 4)
    K = a[3]
    start, count = share(a[2], 1, thread, team)
    for n in range(start, start + count):
        y, dy = floats(a[0] + 4 * n * K, K), floats(a[1] + 4 * n * K, K)
        total = 0.0
        for k in range(K):
            total += dy[k] * y[k]
        for k in range(K):
            dy[k] = y[k] * (dy[k] - float32(total))


@kernel
def layer_norm(args: int, thread: int, team: int) -> None:
    """y = gamma (x - mean) scale + beta: (x, y, gamma, beta, saved, samples, F, epsilon).

    `saved` keeps the mean and the scale of each sample.
    """
    a = words(args, 7)
    F = a[6]
    epsilon = float32(number(args, 7))
    gamma, beta = floats(a[2], F), floats(a[3], F)
    start, count = share(a[5], 1, thread, team)
    for n in range(start, start + count):
        x, y, saved = floats(a[0] + 4 * n * F, F), floats(a[1] + 4 * n * F, F), floats(a[4] + 8 * n, 2)
        mean, scale = f.mean_and_scale(x, F, epsilon)
        saved[0] = mean
        saved[1] = scale
        for j in range(F):
            y[j] = gamma[j] * ((x[j] - mean) * scale) + beta[j]


@kernel
def layer_norm_params(args: int, thread: int, team: int) -> None:
    """dgamma = sum dy x_hat, dbeta = sum dy: (x, dy, saved, dgamma, dbeta, samples, F); split by features."""
    a = words(args, 7)
    F = a[6]
    start, width = share(F, 16, thread, team)
    dgamma, dbeta = floats(a[3] + 4 * start, width), floats(a[4] + 4 * start, width)
    for j in range(width):
        dgamma[j] = ZERO
        dbeta[j] = ZERO
    for n in range(a[5]):
        at = 4 * (n * F + start)
        x, dy, saved = floats(a[0] + at, width), floats(a[1] + at, width), floats(a[2] + 8 * n, 2)
        mean, scale = saved[0], saved[1]
        for j in range(width):
            dgamma[j] += dy[j] * ((x[j] - mean) * scale)
        for j in range(width):
            dbeta[j] += dy[j]


@kernel
def layer_norm_backward(args: int, thread: int, team: int) -> None:
    """dx = scale (dx_hat - mean of dx_hat - x_hat (mean of dx_hat x_hat)), in the place of dy.

    (x, dy, gamma, saved, samples, F), where dx_hat = gamma dy.
    """
    a = words(args, 6)
    F = a[5]
    gamma = floats(a[2], F)
    start, count = share(a[4], 1, thread, team)
    for n in range(start, start + count):
        x, dy, saved = floats(a[0] + 4 * n * F, F), floats(a[1] + 4 * n * F, F), floats(a[3] + 8 * n, 2)
        mean, scale = saved[0], saved[1]
        total, total_x = 0.0, 0.0
        for j in range(F):
            dy[j] *= gamma[j]
            total += dy[j]
            total_x += dy[j] * ((x[j] - mean) * scale)
        mean_dy, mean_dy_x = float32(total / F), float32(total_x / F)
        for j in range(F):
            dy[j] = scale * (dy[j] - mean_dy - (x[j] - mean) * scale * mean_dy_x)


@kernel
def local_response(args: int, thread: int, team: int) -> None:
    """b = a d^-beta, d = k + alpha sum a^2 over the neighbors, channels last.

    (x, y, scratch, rows, C, half, k, alpha, beta). `scratch` has C + 2 half numbers for each thread.
    """
    a = words(args, 6)
    C, half = a[4], a[5]
    k, alpha, beta = float32(number(args, 6)), float32(number(args, 7)), float32(number(args, 8))
    line = C + 2 * half
    squares = floats(a[2] + 4 * thread * line, line)
    for j in range(line):
        squares[j] = ZERO
    inner = floats(a[2] + 4 * (thread * line + half), C)
    start, count = share(a[3], 1, thread, team)
    for r in range(start, start + count):
        x, y = floats(a[0] + 4 * r * C, C), floats(a[1] + 4 * r * C, C)
        for c in range(C):
            inner[c] = x[c] * x[c]
        for c in range(C):
            y[c] = squares[c]
        for i in range(1, 2 * half + 1):
            shifted = floats(a[2] + 4 * (thread * line + i), C)
            for c in range(C):
                y[c] += shifted[c]
        for c in range(C):
            y[c] = x[c] * f.exp(-beta * f.log(k + alpha * y[c]))


@kernel
def local_response_backward(args: int, thread: int, team: int) -> None:
    """da = db d^-beta - 2 alpha beta a sum db a d^(-beta - 1) over the neighbors, in the place of db.

    (x, dy, scratch, rows, C, half, k, alpha, beta). `scratch` has 2 (C + 2 half) numbers for each thread.
    """
    a = words(args, 6)
    C, half = a[4], a[5]
    k, alpha, beta = float32(number(args, 6)), float32(number(args, 7)), float32(number(args, 8))
    line = C + 2 * half
    base = a[2] + 8 * thread * line
    squares, terms = floats(base, line), floats(base + 4 * line, line)
    for j in range(line):
        squares[j] = ZERO
        terms[j] = ZERO
    square, term = floats(base + 4 * half, C), floats(base + 4 * (line + half), C)
    factor = TWO * alpha * beta
    start, count = share(a[3], 1, thread, team)
    for r in range(start, start + count):
        x, dy = floats(a[0] + 4 * r * C, C), floats(a[1] + 4 * r * C, C)
        for c in range(C):
            square[c] = x[c] * x[c]
        for c in range(C):
            term[c] = ZERO
        for i in range(2 * half + 1):
            shifted = floats(base + 4 * i, C)
            for c in range(C):
                term[c] += shifted[c]
        for c in range(C):
            d = k + alpha * term[c]
            power = f.exp(-beta * f.log(d))
            dy[c] *= power
            term[c] = dy[c] * x[c] / d
        for c in range(C):
            square[c] = ZERO
        for i in range(2 * half + 1):
            shifted = floats(base + 4 * (line + i), C)
            for c in range(C):
                square[c] += shifted[c]
        for c in range(C):
            dy[c] -= factor * x[c] * square[c]
