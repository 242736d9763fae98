"""The application behind the gate: a short list of routes, each of which takes only what it names."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from koubai.page import texts
from koubai.page.asked import client_of, fields
from koubai.page.gate import RequestRefused, refusal
from koubai.page.jobs import MOST_STREAMS, Busy, Jobs
from koubai.page.play.routes import routes as play_routes
from koubai.page.watch.hub import Hub
from koubai.page.watch.routes import routes as watch_routes
from koubai.study.lessons import lessons
from koubai.study.lessons.lesson import ROUNDS
from koubai.study.quiz import QUESTIONS
from koubai.words import LANGUAGES, language

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)


@cache
def table() -> dict[str, tuple[bytes, str]]:
    """Return all files that are served: name -> bytes and type. Nothing else is ever read."""
    found = {}
    for entry in (files("koubai.page") / "files").iterdir():
        kind = _TYPES.get(entry.name.rpartition(".")[2])
        if kind is not None:
            found[entry.name] = (entry.read_bytes(), kind)
    return found


def application(jobs: Jobs, hub: Hub, data_dir: Path | None = None) -> Starlette:
    """Return the application over the data files of a folder; whoever serves it puts the gate around it."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.responses import HTMLResponse, JSONResponse, Response
    from starlette.routing import Route

    async def index(request: Request) -> Response:
        body, kind = table()["index.html"]
        return Response(body.replace(b'lang="en"', f'lang="{language()}"'.encode(), 1), media_type=kind)

    async def file(request: Request) -> Response:
        found = table().get(request.path_params["name"])
        if found is None:
            raise RequestRefused(404, "nothing")
        return Response(found[0], media_type=found[1])

    async def words(request: Request) -> Response:
        lang = request.path_params["lang"]
        if lang not in LANGUAGES:
            raise RequestRefused(404, "nothing")
        return JSONResponse(texts.page_words(lang))

    async def cards(request: Request) -> Response:
        return JSONResponse(texts.cards())

    async def question(request: Request) -> Response:
        name, seed = request.path_params["name"], request.path_params["seed"]
        if name not in QUESTIONS or not _NUMBER.fullmatch(seed) or int(seed) >= texts.MOST_SEEDS:
            raise RequestRefused(404, "nothing")
        return JSONResponse(texts.question(name, int(seed)))

    async def submit(request: Request) -> Response:
        asked = await fields(request, {"client": str, "lesson": str, "round": int})
        client = client_of(asked["client"])
        if not (asked["lesson"] in lessons() and 0 <= asked["round"] < ROUNDS):
            raise RequestRefused(400, "asked")
        try:
            job = jobs.submit(client, "lesson", asked["lesson"], asked["round"])
        except Busy:
            raise RequestRefused(429, "busy") from None
        return JSONResponse({"job": job.id, "ready": jobs.ready}, status_code=201)

    async def stop(request: Request) -> Response:
        await fields(request, {})
        jobs.stop(_job(request, jobs))
        return Response(status_code=204)

    async def events(request: Request) -> Response | _Stream:
        job = _job(request, jobs)
        seen = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        if seen and not _NUMBER.fullmatch(seen):
            raise RequestRefused(400, "asked")
        after = int(seen) if seen else -1
        if job.ended and after >= len(job.events) - 1:
            return Response(status_code=204)  # tells the browser not to come again
        return stream(jobs.listen(job, after))

    def stream(content: AsyncIterator[str]) -> _Stream:
        if jobs.streams >= MOST_STREAMS:
            raise RequestRefused(429, "busy")
        return _Stream(jobs, content)

    async def refused(request: Request, error: Exception) -> Response:
        why = (
            error
            if isinstance(error, RequestRefused)
            else RequestRefused(getattr(error, "status_code", 404), "nothing")
        )
        return HTMLResponse(refusal(why), status_code=why.status)

    app = Starlette(
        routes=[
            Route("/", index),
            Route("/files/{name}", file),
            Route("/words/{lang}.json", words),
            Route("/lessons.json", cards),
            Route("/questions/{name}/{seed}", question),
            Route("/jobs", submit, methods=["POST"]),
            Route("/jobs/{job}/stop", stop, methods=["POST"]),
            Route("/jobs/{job}/events", events),
            *watch_routes(hub, fields, stream),
            *play_routes(jobs, data_dir),
        ],
        exception_handlers={RequestRefused: refused, HTTPException: refused},
    )
    app.router.redirect_slashes = False  # an address is one of the table or nothing
    return app


class _Stream:
    """The answer that is a stream of events; it is counted while it is open."""

    def __init__(self, jobs: Jobs, content: AsyncIterator[str]) -> None:
        self._jobs, self._content = jobs, content

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.responses import StreamingResponse

        headers = {"x-accel-buffering": "no"}
        answer = StreamingResponse(self._content, headers=headers, media_type="text/event-stream")
        self._jobs.streams += 1
        try:
            await answer(scope, receive, send)
        finally:
            self._jobs.streams -= 1


def _job(request: Request, jobs: Jobs) -> Any:
    job = jobs.find(request.path_params["job"])
    if job is None:
        raise RequestRefused(404, "nothing")
    return job
