"""The gate: every request passes it, and what is not allowed is refused before any route is looked at.

| rule                                                                          | against             |
|-------------------------------------------------------------------------------|---------------------|
| `Host` is exactly one of those the page is served under                       | DNS rebinding       |
| a 256-bit token from the terminal, changed once for a cookie                  | users of this machine |
| `Sec-Fetch-Site` same-origin or none; POST: same-origin, exact `Origin`, JSON | other pages         |
| only GET and POST; bodies up to 64 kB, none with GET                          | what nobody needs   |
| answers forbid foreign scripts, frames, guessing of types, caching            | what may slip in    |
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

from koubai.words import LANGUAGES, say

LARGEST_BODY = 64 * 1024
_TOKEN = "token"
Scope = dict[str, Any]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class RequestRefused(Exception):
    """A request that is not let through: its status, and what the answer says."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status, self.word = status, word


class Keys:
    """The token that the terminal shows, and the secret of the cookie it is changed for.

    A token opens once; then there is a new one, so that a history or a log holds only spent ones.
    """

    def __init__(self, on_new: Callable[[str], None] = lambda token: None) -> None:
        self.token = secrets.token_urlsafe(32)
        self.secret = secrets.token_urlsafe(32)
        self._on_new = on_new

    def spend(self, token: str) -> bool:
        """Return whether this is the token; it is another one from then on."""
        if not _same(token, self.token):
            return False
        self.token = secrets.token_urlsafe(32)
        self._on_new(self.token)
        return True


class Gate:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: Any,
        keys: Keys,
        *,
        origins: Iterable[str],
        port: int,
        root_path: str = "",
        metadata: bool = True,
    ) -> None:
        """Let requests through to `app`.

        Args:
            app: the application behind it.
            keys: token and secret.
            origins: "http://127.0.0.1:8000" ...: under which the page is seen; their hosts are those allowed.
            port: names the cookie, as cookies of all ports of one host share a jar.
            root_path: what a proxy puts before every path; "" or "/some/path".
            metadata: whether browsers send Sec-Fetch-Site here: on loopback and https they do.
        """
        self.app, self.keys, self.root_path, self.metadata = app, keys, root_path, metadata
        self.origins = frozenset(origins)
        self.hosts = frozenset(origin.split("://", 1)[1] for origin in self.origins)
        self.cookie = f"koubai-{port}"

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Check one request; pass it on, or answer it here."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = _Answer(send)
        try:
            headers = _headers(scope)
            scope = self._check(scope, headers)
            if (opened := self._opened(scope, headers)) is not None:
                await answer.page(*opened)
                return
            body = await _body(receive) if scope["method"] == "POST" else b""
            await self.app(scope, _Replay(body, receive), answer.send)
        except RequestRefused as refused:
            await answer.page(refused.status, refusal(refused))

    def _check(self, scope: Scope, headers: dict[str, list[str]]) -> Scope:
        """Return the scope with its path inside the page; raise RequestRefused."""
        if _one(headers, "host") not in self.hosts:
            raise RequestRefused(421, "host")
        method, site = scope["method"], _one(headers, "sec-fetch-site")
        if method not in ("GET", "POST"):
            raise RequestRefused(405, "method")
        if method == "GET":
            if headers.get("content-length", ["0"]) != ["0"] or "transfer-encoding" in headers:
                raise RequestRefused(400, "body")
        elif (
            _one(headers, "origin") not in self.origins
            or _one(headers, "content-type").lower()
            not in ("application/json", "application/json; charset=utf-8")
            or site not in (("same-origin",) if self.metadata else ("same-origin", ""))
        ):
            raise RequestRefused(403, "foreign")
        if method == "POST" and _length(headers) > LARGEST_BODY:
            raise RequestRefused(413, "body")
        path = scope["path"]
        if self.root_path and path.startswith(self.root_path + "/"):
            path = path[len(self.root_path) :]
        return {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}

    def _opened(self, scope: Scope, headers: dict[str, list[str]]) -> tuple[int, str, str | None] | None:
        """Return the answer to the address from the terminal; None where a cookie lets the request in.

        A link in another page, such as a terminal in the browser, may carry the token: the page it opens goes
        on to itself, and only from there the cookie comes along.
        """
        site = _one(headers, "sec-fetch-site")
        foreign = site not in ("", "none", "same-origin")
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get(_TOKEN, "")
        if scope["method"] == "GET" and scope["path"] == "/" and given:
            if _same(_cookie(headers, self.cookie), self.keys.secret):
                return 200, _GO_ON, None
            if self.keys.spend(given):
                path = self.root_path + "/"
                return (
                    200,
                    _GO_ON,
                    f"{self.cookie}={self.keys.secret}; HttpOnly; SameSite=Strict; Path={path}",
                )
            raise RequestRefused(403, "token")
        if foreign or not _same(_cookie(headers, self.cookie), self.keys.secret):
            raise RequestRefused(403, "foreign" if foreign else "cookie")
        return None


_GO_ON = (
    '<!DOCTYPE html><html lang="en"><title>koubai</title><link rel="icon" href="files/icon.svg">'
    '<meta http-equiv="refresh" content="0; url=./"><a href="./">koubai</a></html>'
)


class _Answer:
    """The way back: every answer gets the headers of the gate."""

    def __init__(self, send: Any) -> None:
        self._send = send

    async def send(self, message: dict[str, Any]) -> None:
        """Send one message of an answer."""
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            names = {name for name, _ in own}
            message = {**message, "headers": [*(h for h in message["headers"] if h[0] not in names), *own]}
        await self._send(message)

    async def page(self, status: int, text: str, cookie: str | None = None) -> None:
        """Answer with a small page of HTML."""
        body = text.encode()
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        if cookie is not None:
            headers.append((b"set-cookie", cookie.encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def refusal(refused: RequestRefused) -> str:
    """Return the page that says why not, in every language."""
    lines = "".join(f'<p lang="{lang}">{say(f"page.refused.{refused.word}", lang)}</p>' for lang in LANGUAGES)
    title = f"{refused.status} {HTTPStatus(refused.status).phrase}"
    return f'<!DOCTYPE html><html lang="en"><title>{title}</title><h1>{title}</h1>{lines}</html>'


class _Replay:
    """Gives the body that was read to the application, then what comes from the connection."""

    def __init__(self, body: bytes, receive: Any) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Any:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        return await self._receive()


async def _body(receive: Any) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestRefused(400, "body")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            raise RequestRefused(413, "body")
        if not message.get("more_body", False):
            return b"".join(parts)


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _one(headers: dict[str, list[str]], name: str) -> str:
    """Return a header's value; "" where it is missing, and refuse one that is there twice."""
    values = headers.get(name, [])
    if len(values) > 1:
        raise RequestRefused(400, "twice")
    return values[0] if values else ""


def _length(headers: dict[str, list[str]]) -> int:
    text = _one(headers, "content-length")
    if text and not (text.isascii() and text.isdigit() and len(text) < 20):
        raise RequestRefused(400, "body")
    return int(text or 0)


def _cookie(headers: dict[str, list[str]], name: str) -> str:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load("; ".join(headers.get("cookie", [])))
    except CookieError:
        return ""
    return jar[name].value if name in jar else ""


def _same(mine: str, theirs: str) -> bool:
    return hmac.compare_digest(mine.encode("utf-8", "surrogatepass"), theirs.encode())
