"""The server: three tools, one question at a time, each answered with compact JSON or a plain error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from koubai import __version__
from koubai.core.errors import ConfigError, KoubaiError
from koubai.mcp.compact import dump
from koubai.mcp.tools import MOST_ARMS, MOST_SEEDS, MOST_STEPS, Tools

P = ParamSpec("P")
_INSTRUCTIONS = (
    "Finds out what is wrong with the training of a neural network, and tests what would help. `doctor` runs "
    "a PyTorch training script (or a koubai recipe) and says what is wrong, in which layer, at which line, "
    "with the evidence and the trials behind it. `compare` trains a koubai recipe with and without changes "
    "on the same seeds and gives the differences with intervals. `explain` says what a finding or a word of "
    "the field means. Believe `verdict`: 'not_judged' is not 'healthy'. A change is worth making if a trial "
    "helped, or if the interval of its difference lies on one side of 0."
)

ShortText = Annotated[str, Field(max_length=4096)]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(ge=1, le=3600)]
Changes = Annotated[dict[str, dict[str, Any]], Field(min_length=1, max_length=MOST_ARMS)]


def serve(folder: Path) -> None:
    """Answer on standard input and output until the agent ends."""
    make_server(folder).run("stdio")


def make_server(folder: Path) -> MCPServer[Any]:
    """Return the server whose tools look only below `folder`."""
    tools, turn = Tools(folder), anyio.Lock()
    server: MCPServer[Any] = MCPServer(
        "koubai", instructions=_INSTRUCTIONS, version=__version__, log_level="WARNING"
    )

    def told(tool: Callable[P, Awaitable[dict[str, Any]]]) -> Callable[P, Awaitable[str]]:
        @wraps(tool)
        async def answered(*args: P.args, **named: P.kwargs) -> str:
            try:
                async with turn:
                    return dump(await tool(*args, **named))
            except (KoubaiError, OSError, RecursionError) as error:
                raise ToolError(dump(_facts(error))) from None

        answered.__annotations__ = {**tool.__annotations__, "return": "str"}
        return answered

    @server.tool(structured_output=False)
    @told
    async def doctor(
        target: ShortText,
        arguments: Annotated[list[ShortText], Field(max_length=64)] = [],  # noqa: B006 -- pydantic copies it
        module: bool = False,
        thorough: bool = False,
        time_limit: Seconds = 600.0,
    ) -> dict[str, Any]:
        """Run a training script, or train a recipe, and say what is wrong with the training, where and why.

        target: a PyTorch script (.py), a koubai recipe (.toml) or a run's folder, below the server's folder;
        with module=true the name of a module, as in `python -m`. arguments: those of the script. thorough:
        more and longer trials. time_limit: seconds. The answer has `verdict` (findings | healthy |
        not_judged) and for each finding code, severity, what was seen, layer, file and line, first step,
        evidence with thresholds, trials with the losses they reached, and remedies in the order to try.
        """
        return await tools.doctor(target, arguments, time_limit, module=module, thorough=thorough)

    @server.tool(structured_output=False)
    @told
    async def explain(name: Word, lang: Annotated[str, Field(pattern="^(en|ja)$")] = "en") -> dict[str, Any]:
        """Say what a finding (K003, vanishing_gradient) or a word of the field means, and what to do."""
        return tools.explain(name, lang)

    @server.tool(structured_output=False)
    @told
    async def compare(
        recipe: ShortText,
        changes: Changes,
        seeds: Annotated[int, Field(ge=2, le=MOST_SEEDS)] = 6,
        steps: Annotated[int | None, Field(ge=1, le=MOST_STEPS)] = None,
        measure: Word = "test_accuracy",
        time_limit: Seconds = 600.0,
    ) -> dict[str, Any]:
        """Train a koubai recipe unchanged and with changes, paired over the same seeds, and compare.

        recipe: a .toml recipe below the server's folder. changes: name of the change -> dotted path of the
        recipe -> new value, such as {"adam": {"optimizer": "adam"}, "slower": {"optimizer.learning_rate":
        0.001}}. measure: test_accuracy, test_loss, train_loss ... The answer has every arm's values by seed,
        and each difference to `unchanged` with its 95 % interval, p and Holm's p.
        """
        return await tools.compare(recipe, changes, seeds, steps, measure, time_limit)

    return server


def _facts(error: Exception) -> dict[str, Any]:
    """Return an error as plain values; of a recipe's mistakes at most twenty."""
    if isinstance(error, ConfigError):
        problems = [
            {"line": each.line, "path": each.path, "message": each.message, "try": each.hint}
            for each in error.problems[:20]
        ]
        return {"error": f"{len(error.problems)} problems", "where": error.where, "problems": problems}
    if isinstance(error, KoubaiError):
        named = {"where": error.where, "expected": error.expected, "got": error.got, "try": error.hint}
        return {"error": error.message} | {
            key: str(value) for key, value in named.items() if value is not None
        }
    return {"error": f"{type(error).__name__}: {error}"}
