"""Where the benchmarks are: installed, or in the clone that we stand in or run from."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from koubai.core.errors import KoubaiError
from koubai.words import say

PACKAGE = "koubai_benchmarks"


def benchmark(module: str) -> ModuleType:
    """Return a module of the benchmarks, which are no part of the installed package.

    Raises:
        KoubaiError: where they are not found; it says where to get them.
    """
    if find_spec(PACKAGE) is None:
        clones = (Path.cwd(), Path(__file__).parents[3])
        folders = (clone / "benchmarks" for clone in clones)
        found = next((folder for folder in folders if (folder / PACKAGE / "__init__.py").is_file()), None)
        if found is None:
            raise KoubaiError(say("bench.missing"), where=PACKAGE, hint=say("bench.get"))
        sys.path.insert(0, str(found))
    return import_module(f"{PACKAGE}.{module}")
