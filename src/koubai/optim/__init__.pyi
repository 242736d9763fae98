"""Written by scripts/stubs."""

from typing import Any

from koubai.optim.adadelta import AdaDelta as AdaDelta
from koubai.optim.adagrad import AdaGrad as AdaGrad
from koubai.optim.adam import Adam as Adam
from koubai.optim.adamw import AdamW as AdamW
from koubai.optim.amsgrad import AMSGrad as AMSGrad
from koubai.optim.lion import Lion as Lion
from koubai.optim.momentum import Momentum as Momentum
from koubai.optim.nesterov import Nesterov as Nesterov
from koubai.optim.optimizer import OPTIMIZERS as OPTIMIZERS
from koubai.optim.optimizer import Optimizer as Optimizer
from koubai.optim.radam import RAdam as RAdam
from koubai.optim.rmsprop import RMSProp as RMSProp
from koubai.optim.sgd import SGD as SGD

def __getattr__(name: str) -> Any: ...
