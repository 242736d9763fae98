"""Written by scripts/stubs."""

from typing import Any

from koubai.initializers.constant import Constant as Constant
from koubai.initializers.constant import Zeros as Zeros
from koubai.initializers.initializer import INITIALIZERS as INITIALIZERS
from koubai.initializers.initializer import Initializer as Initializer
from koubai.initializers.normal import GlorotNormal as GlorotNormal
from koubai.initializers.normal import HeNormal as HeNormal
from koubai.initializers.normal import LeCunNormal as LeCunNormal
from koubai.initializers.normal import Normal as Normal
from koubai.initializers.orthogonal import Orthogonal as Orthogonal
from koubai.initializers.uniform import GlorotUniform as GlorotUniform
from koubai.initializers.uniform import HeUniform as HeUniform
from koubai.initializers.uniform import LeCunUniform as LeCunUniform
from koubai.initializers.uniform import Uniform as Uniform

def __getattr__(name: str) -> Any: ...
