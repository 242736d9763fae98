"""What a request asks: a JSON object with exactly the fields a route names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from koubai.page.gate import RequestRefused

if TYPE_CHECKING:
    from starlette.requests import Request

_CLIENT = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)


async def fields(request: Request, wanted: dict[str, type]) -> dict[str, Any]:
    """Return the JSON object of a request, which must have exactly these fields of these types."""
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise RequestRefused(400, "asked") from None
    if not isinstance(found, dict) or set(found) != set(wanted):
        raise RequestRefused(400, "asked")
    if any(type(found[name]) is not kind for name, kind in wanted.items()):
        raise RequestRefused(400, "asked")
    return found


def client_of(name: str) -> str:
    """Return the name a page goes by, if it is one."""
    if not _CLIENT.fullmatch(name):
        raise RequestRefused(400, "asked")
    return name
