"""AlexNet, as in 2012."""

from __future__ import annotations

from dataclasses import dataclass, replace

from koubai.core.checks import above, share, whole
from koubai.core.layer import Layer
from koubai.initializers.constant import Constant
from koubai.initializers.initializer import Initializer
from koubai.initializers.normal import Normal
from koubai.layers.convolution import Conv2d
from koubai.layers.dropout import Dropout
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.local_response_norm import LocalResponseNorm
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.models.model import Model, register


@register
@dataclass(frozen=True)
class AlexNet(Model):
    """Five convolutions and three affine layers for images of 3 x 227 x 227.

    Weights start from normal(0, .01), biases from 1 in conv2, conv4, conv5 and the hidden affine layers,
    else from 0. `grouped` splits conv2, conv4 and conv5 in two, as the two GPUs of 2012 did: 60,965,224
    parameters and 724,406,816 multiply-adds for 1000 classes; whole: 62,378,344 and 1,135,256,096.
    `width` shrinks channels and affine units alike, for a network that trains in seconds.
    Source: Krizhevsky, Sutskever, Hinton 2012 (which prints 224; 227 is what its arithmetic needs).
    """

    classes: int = 1000
    grouped: bool = True
    local_response: bool = True
    dropout: float = 0.5
    width: float = 1.0
    weight_init: Initializer = Normal(0.01)

    def __post_init__(self) -> None:
        whole(self, 1, classes=self.classes)
        share(self, dropout=self.dropout)
        above(self, 0, width=self.width)

    def _convolve(self, convolution: Conv2d, *, bias: float = 0.0) -> tuple[Layer, Layer]:
        channels = self._scaled(convolution.out_channels)
        made = replace(
            convolution, out_channels=channels, weight_init=self.weight_init, bias_init=Constant(bias)
        )
        return made, ReLU()

    def _scaled(self, size: int) -> int:
        """Return an even number of channels or units."""
        return max(2, 2 * round(size * self.width / 2))

    def _affine(self, size: int) -> tuple[Layer, ...]:
        dropout = (Dropout(self.dropout),) if self.dropout else ()
        affine = Linear(self._scaled(size), weight_init=self.weight_init, bias_init=Constant(1.0))
        return affine, ReLU(), *dropout

    def expand(self) -> Sequential:
        """The eight layers with what stands between them."""
        split = 2 if self.grouped else 1
        damped_pool = (*((LocalResponseNorm(),) if self.local_response else ()), MaxPool2d(3, stride=2))
        return Sequential(
            *self._convolve(Conv2d(96, 11, stride=4)),
            *damped_pool,
            *self._convolve(Conv2d(256, 5, padding=2, groups=split), bias=1),
            *damped_pool,
            *self._convolve(Conv2d(384, 3, padding=1)),
            *self._convolve(Conv2d(384, 3, padding=1, groups=split), bias=1),
            *self._convolve(Conv2d(256, 3, padding=1, groups=split), bias=1),
            MaxPool2d(3, stride=2),
            Flatten(),
            *self._affine(4096),
            *self._affine(4096),
            Linear(self.classes, weight_init=self.weight_init),
        )
