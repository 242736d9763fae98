"""The modules that build the documentation: they lie beside its pages, not in the package."""

import sys
from contextlib import contextmanager
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


@contextmanager
def within_docs():
    """Let modules of docs/ be imported for a while."""
    sys.path.insert(0, str(DOCS))
    try:
        yield
    finally:
        sys.path.remove(str(DOCS))
