"""The routes of Watch: the runs, their news as one stream a page, and trials on copies."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from koubai.page.gate import RequestRefused
from koubai.page.watch.hub import MOST_TOGETHER, Hub

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

_RUN = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SEEN = re.compile(r"[0-9a-f]{8}-\d{1,15}", re.ASCII)
_TRIAL = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)
Fields = Callable[["Request", dict[str, type]], Awaitable[dict[str, Any]]]


def routes(hub: Hub, fields: Fields, stream: Callable[[AsyncIterator[str]], Any]) -> list[Route]:
    """Return the routes.

    Args:
        hub: where the runs are.
        fields: reads the JSON of a request, which must have exactly some fields.
        stream: makes an answer of events; raises RequestRefused where too many are open.
    """
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def listed(request: Request) -> Response:
        rows = await hub.rows_now()
        roots = len(hub.listing.roots)
        return JSONResponse({"runs": rows, "full": hub.listing.full, "roots": roots})

    async def events(request: Request) -> Any:
        runs = _names(request.query_params.get("runs", ""), _RUN)
        trial = request.query_params.get("trial") or None
        if len(runs) > MOST_TOGETHER or (trial is not None and not _TRIAL.fullmatch(trial)):
            raise RequestRefused(400, "asked")
        after = _after(hub, request.headers.get("last-event-id") or request.query_params.get("after") or "")
        for run in runs:
            if not await hub.known(run):
                raise RequestRefused(404, "nothing")
        return stream(hub.listen(runs, trial, after))

    async def begin(request: Request) -> Response:
        asked = await fields(request, {"run": str, "step": int, "change": str})
        run = hub.runs.get(asked["run"])
        if run is None:
            raise RequestRefused(404, "nothing")
        offer = next((one for one in run.offers if one["name"] == asked["change"]), None)
        if offer is None or asked["step"] not in (0, *run.steps[-1:]) or (offer["start"] and asked["step"]):
            raise RequestRefused(400, "asked")
        if hub.tries.busy:
            raise RequestRefused(429, "busy")
        one = hub.tries.begin(asked["run"], run.place.folder, asked["step"], asked["change"])
        return JSONResponse({"trial": one.id}, status_code=201)

    async def stop(request: Request) -> Response:
        await fields(request, {})
        one = hub.tries.find(request.path_params["trial"])
        if one is None:
            raise RequestRefused(404, "nothing")
        hub.tries.stop(one)
        return Response(status_code=204)

    return [
        Route("/runs.json", listed),
        Route("/runs/events", events),
        Route("/runs/trials", begin, methods=["POST"]),
        Route("/runs/trials/{trial}/stop", stop, methods=["POST"]),
    ]


def _names(text: str, form: re.Pattern[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split("."))) if text else ()
    if not all(form.fullmatch(name) for name in names):
        raise RequestRefused(400, "asked")
    return names


def _after(hub: Hub, seen: str) -> int:
    """Return up to which number a page has seen everything; -1 where that was another server's."""
    if not seen:
        return -1
    if not _SEEN.fullmatch(seen):
        raise RequestRefused(400, "asked")
    epoch, _, number = seen.partition("-")
    return min(int(number), hub.version) if epoch == hub.epoch else -1
