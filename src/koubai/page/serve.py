"""Serving the page: one address, printed with its token; Ctrl-C ends it at once, open streams too."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from koubai.core.errors import KoubaiError
from koubai.page.gate import Gate, Keys
from koubai.page.jobs import Jobs
from koubai.page.watch.hub import Hub
from koubai.words.system import reason

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class ServedAt:
    """Where the page is served.

    | field     | meaning                                                                          |
    |-----------|----------------------------------------------------------------------------------|
    | host      | address to listen at                                                             |
    | port      | 0: a free one                                                                    |
    | remote    | whether an address that other machines reach is allowed                          |
    | root_path | what a proxy puts before every path                                              |
    | origin    | "https://name" under which a proxy, or a name of this machine, shows the page    |
    """

    host: str = "127.0.0.1"
    port: int = 0
    remote: bool = False
    root_path: str = ""
    origin: str | None = None

    def __post_init__(self) -> None:
        if not self.loopback and not self.remote:
            raise KoubaiError("other_machines_could_reach_this", where="--host", got=self.host)
        if self._everywhere and self.origin is None:
            raise KoubaiError("browser_needs_one_address", where="--host", got=self.host)
        if not 0 <= self.port < 65536:
            raise KoubaiError("no_such_port", where="--port", got=self.port)
        if self.root_path and not (self.root_path.startswith("/") and self.root_path.strip("/").isascii()):
            raise KoubaiError("path_begins_with_slash", where="--root-path", got=self.root_path)
        if self.origin is not None:
            parts = urlsplit(self.origin)
            if parts.scheme not in ("http", "https") or self.origin != f"{parts.scheme}://{parts.netloc}":
                raise KoubaiError("not_the_beginning_of_an_address", where="--origin", got=self.origin)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host == "localhost" or _is(self.host, "is_loopback")

    @property
    def _everywhere(self) -> bool:
        return _is(self.host, "is_unspecified")

    def origins(self, port: int) -> list[str]:
        """Return under what addresses the page may be seen; the first is printed."""
        named = f"[{self.host}]" if ":" in self.host else self.host
        hosts = _LOOPBACK if self.loopback else () if self._everywhere else (named,)
        own = [f"http://{host}:{port}" for host in dict.fromkeys((*(h for h in hosts if h == named), *hosts))]
        return [*([self.origin] if self.origin else []), *own]


def _is(host: str, what: str) -> bool:
    try:
        return bool(getattr(ip_address(host), what))
    except ValueError:
        return False


def serve(
    place: ServedAt,
    *,
    store: Path,
    data_dir: Path | None = None,
    runs: tuple[Path, ...] = (),
    on_address: Callable[[str], None],
) -> None:
    """Serve the page until Ctrl-C; `on_address` is told the address to open, and each one that follows.

    `runs` are folders; the runs below them can be watched.

    Raises:
        KoubaiError: Starlette or uvicorn is missing, or the port is taken.
    """
    try:
        import uvicorn
        from h11 import LocalProtocolError

        from koubai.page.app import application
    except ImportError as error:
        raise KoubaiError(
            "page_needs_starlette_and_uvicorn", got=error.name, hint="pip install 'koubai[page]'"
        ) from None
    listening = _listen(place)
    port = listening.getsockname()[1]
    origins = place.origins(port)
    root = place.root_path.rstrip("/")
    keys = Keys(on_new=lambda token: on_address(f"{origins[0]}{root}/?token={token}"))
    jobs, hub = Jobs(store, data_dir), Hub(runs, data_dir)
    gate = Gate(
        application(jobs, hub, data_dir),
        keys,
        origins=origins,
        port=port,
        root_path=root,
        metadata=place.loopback or origins[0].startswith("https:"),
    )

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        with suppress(LocalProtocolError):  # what came was no HTTP, and uvicorn has answered that already
            await gate(scope, receive, send)

    class Server(uvicorn.Server):
        """Ends at once: streams would stay open for ever."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            jobs.start()
            jobs.prepare()
            await super().startup(sockets)

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            jobs.close()
            hub.close()
            self.should_exit = self.force_exit = True

    config = _config(answer)
    logging.getLogger("uvicorn.error").addFilter(lambda record: "without completing" not in str(record.msg))
    on_address(f"{origins[0]}{root}/?token={keys.token}")
    try:
        Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn raises again what it has heard
        pass
    finally:
        listening.close()


def _config(answer: Any) -> Any:
    """Return how uvicorn is to serve: plain HTTP, little at once, and nothing told of itself."""
    import uvicorn

    return uvicorn.Config(
        answer,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=64,
        h11_max_incomplete_event_size=16 * 1024,
        timeout_keep_alive=30,
    )


def _listen(place: ServedAt) -> socket.socket:
    """Return a socket that listens; the port is known before anything is started."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a stream's first event waits 40 ms
    try:
        listening.bind((place.host, place.port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise KoubaiError(
            "nothing_can_be_served_here", problem=reason(error), where=f"{place.host}:{place.port}"
        ) from error
    return listening
