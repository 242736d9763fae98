"""A client of an ASGI application that sends exactly the bytes it is told, however wrong they are."""

import asyncio
import json
from dataclasses import dataclass


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


async def send(app, method, path, headers=(), body=b"", *, query=b"", patience=5.0):
    """Send one request; return the answer once it is whole, or what there is of a stream after `patience`."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"),
        "query_string": query,
        "root_path": "",
        "headers": [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
    }
    answer = Answer(0, {}, b"")
    sent = False

    async def receive():
        nonlocal sent
        if sent:
            await asyncio.sleep(patience)
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def take(message):
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    await asyncio.wait_for(app(scope, receive, take), patience + 5)
    return answer


def events(text: bytes) -> list[tuple[int, dict]]:
    """Return the events of a stream: number and data."""
    found = []
    for block in text.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in lines:
            found.append((int(lines["id"]), json.loads(lines["data"])))
    return found
