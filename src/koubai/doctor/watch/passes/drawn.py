"""Drawn: codes that a network draws as mean + deviation x noise, and how far they are from the prior.

Variational autoencoders are written in many ways: as one module or as several that are called apart, with
deviations, variances or their logarithms. What all of them do is draw (Kingma and Welling 2014, sec. 2.4).
"""

from __future__ import annotations

from typing import Any

import torch

from koubai.doctor.watch.program.kinds import FACTORS, plain_name

_NOISE = ("randn_like", "randn", "normal")
_SUMMANDS = ("add", "__add__", "__radd__", "__iadd__")
_ROWS = 8  # samples, at least, of which a mean is told


class Drawn:
    """Follows noise to what it is multiplied with, and on to what that is added to.

    `codes` holds the distance of each code from the standard normal prior, in nats a sample:

        sum over j of (s_j^2 + m_j^2 - 1 - log s_j^2) / 2

    with means m and deviations s, both put out by a network (appendix B). Noise of a given size, or on
    parameters, makes no code.
    """

    def __init__(self) -> None:
        self.codes: list[float] = []
        self._noise: dict[int, torch.Tensor] = {}
        self._scaled: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def call(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        """Take in a call of a function of PyTorch."""
        plain = plain_name(name)
        if plain in _NOISE:
            if isinstance(result, torch.Tensor) and result.ndim > 1 and len(result) >= _ROWS:
                self._noise[id(result)] = result
            return
        if not self._noise or len(args) < 2:
            return
        if plain in FACTORS:
            for noise, deviation in (args[:2], args[1::-1]):
                if id(noise) in self._noise and _put_out(deviation, result):
                    self._scaled[id(result)] = result, deviation
        elif plain in _SUMMANDS:
            for scaled, mean in (args[:2], args[1::-1]):
                if id(scaled) in self._scaled and _put_out(mean, result):
                    self._take(mean.detach().double(), self._scaled[id(scaled)][1].detach().double())

    def _take(self, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        with torch._C.DisableTorchFunction():
            square = deviation.square()
            distance = (square + mean.square() - 1 - square.log()).flatten(1).sum(1).mean() / 2
            self.codes.append(float(distance))


def _put_out(part: Any, code: Any) -> bool:
    """Whether one part of a code was computed for every sample, with a gradient."""
    tensor = isinstance(part, torch.Tensor) and isinstance(code, torch.Tensor)
    return tensor and part.requires_grad and not part.is_leaf and part.shape == code.shape
