"""`koubai mcp`: the tools for a coding agent, over standard input and output, until it ends."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from koubai.cli.output import option
from koubai.core.errors import EngineError, KoubaiError
from koubai.words import say


def mcp(folder: Annotated[Path, option("mcp.folder")] = Path(), /) -> None:
    """Serve the tools for what lies below a folder."""
    if find_spec("mcp") is None:
        raise EngineError(say("mcp.needs"), hint="pip install 'koubai[mcp]'")
    if not folder.is_dir():
        raise KoubaiError(say("mcp.not_a_folder"), where=str(folder))
    from koubai.mcp.server import serve

    serve(folder)
