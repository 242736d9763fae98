"""Written by scripts/stubs."""

from typing import Any

from koubai.core.layer import LAYERS as LAYERS
from koubai.layers.activations import Exponential as Exponential
from koubai.layers.activations import Identity as Identity
from koubai.layers.activations import Sigmoid as Sigmoid
from koubai.layers.activations import Step as Step
from koubai.layers.activations import Tanh as Tanh
from koubai.layers.average_pool import AveragePool1d as AveragePool1d
from koubai.layers.average_pool import AveragePool2d as AveragePool2d
from koubai.layers.batch_norm import BatchNorm as BatchNorm
from koubai.layers.concatenate import Concatenate as Concatenate
from koubai.layers.convolution import Conv1d as Conv1d
from koubai.layers.convolution import Conv2d as Conv2d
from koubai.layers.depthwise import DepthwiseConv2d as DepthwiseConv2d
from koubai.layers.dropout import Dropout as Dropout
from koubai.layers.flatten import Flatten as Flatten
from koubai.layers.global_average_pool import GlobalAveragePool as GlobalAveragePool
from koubai.layers.group_norm import GroupNorm as GroupNorm
from koubai.layers.group_norm import InstanceNorm as InstanceNorm
from koubai.layers.im2col import col2im as col2im
from koubai.layers.im2col import im2col as im2col
from koubai.layers.layer_norm import LayerNorm as LayerNorm
from koubai.layers.linear import Linear as Linear
from koubai.layers.local_response_norm import LocalResponseNorm as LocalResponseNorm
from koubai.layers.max_pool import MaxPool1d as MaxPool1d
from koubai.layers.max_pool import MaxPool2d as MaxPool2d
from koubai.layers.mish import Mish as Mish
from koubai.layers.prelu import PReLU as PReLU
from koubai.layers.rectifiers import ELU as ELU
from koubai.layers.rectifiers import SELU as SELU
from koubai.layers.rectifiers import LeakyReLU as LeakyReLU
from koubai.layers.rectifiers import ReLU as ReLU
from koubai.layers.residual import Residual as Residual
from koubai.layers.sequential import Sequential as Sequential
from koubai.layers.smooth_rectifiers import GELU as GELU
from koubai.layers.smooth_rectifiers import SiLU as SiLU
from koubai.layers.smooth_rectifiers import Softplus as Softplus
from koubai.layers.softmax import Softmax as Softmax
from koubai.layers.transposed import ConvTranspose1d as ConvTranspose1d
from koubai.layers.transposed import ConvTranspose2d as ConvTranspose2d

def __getattr__(name: str) -> Any: ...
