"""The command `koubai serve` as a process of its own, and a browser that looks at it."""

import json
import os
import signal
import subprocess
import sys
import time

from ..support.browser import CHROMIUM, WAIT

__all__ = ["CHROMIUM", "Served"]


class Served:
    """A server that runs; `address` opens one browser, `another()` the next."""

    def __init__(self, folder, *options):
        command = [sys.executable, "-m", "koubai.cli.main", "serve", "--json", "--out", str(folder), *options]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "KOUBAI_LANG": "en"},
        )
        self.address = self.another()
        self.origin = self.address.partition("/?")[0]

    def another(self):
        """Return the next address that the terminal shows."""
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)["address"]

    def end(self):
        """Press Ctrl-C, which a terminal sends to every process; return exit code, errors and seconds."""
        started = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            _, errors = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode, errors, time.monotonic() - started


def look_at(context, address):
    """Open the page in a new tab; it keeps what it asked for and what it complained about."""
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.requested, page.complaints = [], []
    page.on("request", lambda request: page.requested.append(request.url))
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(address)
    page.wait_for_selector("html[data-drawn]", state="attached")
    return page


def widen(page, width):
    """Give the page another width, and the frames in which its drawings fit themselves to it."""
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)))")


def tab_to(page, what, most):
    """Press Tab until the key is at `what`, at most so many times."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(what) => document.activeElement.matches(what)", what):
            return
    raise AssertionError(f"no key leads to {what}")
