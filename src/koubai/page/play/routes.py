"""The routes of free play: what can be chosen, and a recipe to be trained."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from koubai.core.errors import KoubaiError
from koubai.page.asked import client_of, fields
from koubai.page.gate import RequestRefused
from koubai.page.jobs import Busy, Jobs
from koubai.page.play.bounds import MOST_STEPS
from koubai.page.play.check import problems_told, recipe_in
from koubai.page.play.choices import choices
from koubai.page.play.shelf import Shelf

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route


def routes(jobs: Jobs, data_dir: Path | None) -> list[Route]:
    """Return the routes of free play, over the files of one folder."""
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    shelf = Shelf(data_dir)

    async def play(request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(choices, shelf))

    async def submit(request: Request) -> Response:
        asked = await fields(request, {"client": str, "recipe": dict, "start": int, "stop": int})
        client = client_of(asked["client"])
        if not (0 <= asked["start"] <= MOST_STEPS and -1 <= asked["stop"] <= MOST_STEPS):
            raise RequestRefused(400, "asked")
        problems = await asyncio.to_thread(_problems, asked["recipe"], shelf)
        if problems:
            return JSONResponse({"problems": problems}, status_code=422)
        try:
            job = jobs.submit(client, "play", asked["recipe"], asked["start"], asked["stop"])
        except Busy:
            raise RequestRefused(429, "busy") from None
        return JSONResponse({"job": job.id, "ready": jobs.ready}, status_code=201)

    return [Route("/play.json", play), Route("/play", submit, methods=["POST"])]


def _problems(table: dict[str, Any], shelf: Shelf) -> list[dict[str, Any]]:
    """Return what is wrong with a recipe as it came."""
    try:
        recipe_in(table, shelf)
    except KoubaiError as error:
        return problems_told(error)
    return []
