"""Watching PyTorch training: the same patient, the same diagnoses, for any module and any loop.

Importing this package imports PyTorch, or says how to get it; of the rest of koubai only the torch engine
does.
"""

import koubai.engines.torch  # noqa: F401 -- says so if PyTorch is missing
