"""The network as a torch.nn.Module: an independent check of the formulas, and the way to a GPU.

Importing this package imports PyTorch, and says how to get it where it is missing.
"""

from importlib.util import find_spec

from koubai.core.errors import EngineError
from koubai.words.phrase import phrase

if find_spec("torch") is None:
    raise EngineError(
        "pytorch_is_not_installed",
        where=phrase("place.engine", name="torch"),
        hint="pip install 'koubai[torch]'",
    )
