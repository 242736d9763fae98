"""Written by scripts/stubs."""

from typing import Any

from koubai.models.alexnet import AlexNet as AlexNet
from koubai.models.course_convnets import DeepConvNet as DeepConvNet
from koubai.models.course_convnets import DoubleConvNet as DoubleConvNet
from koubai.models.course_convnets import SimpleConvNet as SimpleConvNet
from koubai.models.lenet import LeNet as LeNet
from koubai.models.mlp import Mlp as Mlp
from koubai.models.model import MODELS as MODELS
from koubai.models.model import Model as Model
from koubai.models.resnet import ResNet18 as ResNet18
from koubai.models.resnet import SmallResNet as SmallResNet
from koubai.models.vgg import VGG as VGG

def __getattr__(name: str) -> Any: ...
