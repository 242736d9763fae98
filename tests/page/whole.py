"""The whole page behind its gate, without a socket and without a worker process."""

import asyncio
from typing import ClassVar

from koubai.page.gate import Gate, Keys
from koubai.page.jobs import Jobs
from koubai.page.watch.hub import Hub
from support.asgi import send

PORT = 8123
ORIGIN = f"http://127.0.0.1:{PORT}"


class Recorder(list):
    """A pipe to a worker that never answers by itself."""

    def send(self, message):
        self.append(message)


class StillJobs(Jobs):
    """Jobs without a process: tests say what the worker would say."""

    def start(self):
        self._loop = asyncio.get_running_loop()
        self._pipe = Recorder()

    @property
    def asked(self):
        return self._pipe

    def says(self, job, **event):
        self._hear(job, event)


class StillHelper:
    """A helper without a process: tests say what it would say."""

    made: ClassVar[list] = []

    def __init__(self, body, args, hear, seconds):
        self.body, self.args, self.hear, self.killed = body, args, hear, False
        self.made.append(self)

    def kill(self):
        self.killed = True


class Page:
    """The whole page behind its gate, with the headers that its own scripts send."""

    def __init__(self, root_path="", tmp_path=None, runs=()):
        self.hub = Hub(tuple(runs), helper=StillHelper)
        self.jobs = StillJobs(tmp_path)
        self.jobs.start()
        self.keys = Keys()
        from koubai.page.app import application

        self.app = application(self.jobs, self.hub)
        origins = [f"http://{host}:{PORT}" for host in ("127.0.0.1", "localhost", "[::1]")]
        self.gate = Gate(self.app, self.keys, origins=origins, port=PORT, root_path=root_path)

    def headers(self, method="GET", **changes):
        """Headers of an honest request; a change to None leaves one away."""
        own = {"host": ORIGIN.removeprefix("http://"), "cookie": f"koubai-{PORT}={self.keys.secret}"}
        own["sec-fetch-site"] = "same-origin"
        if method == "POST":
            own |= {"origin": ORIGIN, "content-type": "application/json"}
        own |= {name.replace("_", "-"): value for name, value in changes.items()}
        return [(name, value) for name, value in own.items() if value is not None]

    async def ask(self, method, path, body=b"", *, query=b"", patience=5.0, **changes):
        headers = self.headers(method, **changes)
        return await send(self.gate, method, path, headers, body, query=query, patience=patience)
