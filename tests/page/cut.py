"""A line between browser and server that can be cut."""

import contextlib
import socket
import threading


class Line:
    """Forwards connections from `port` to another port of this machine, until it is cut."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.to = None
        self._cut = False
        self._at = None
        self._open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, text):
        """Cut it, once, where these bytes are about to pass."""
        self._at = text

    def cut(self):
        """Break every connection, and every further one."""
        self._cut, self._at = True, None
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self):
        """Let connections through again."""
        self._cut = False

    def _accept(self):
        while True:
            theirs, _ = self._listening.accept()
            if self._cut:
                theirs.close()
                continue
            ours = socket.create_connection(("127.0.0.1", self.to))
            self._open |= {theirs, ours}
            for source, sink in ((theirs, ours), (ours, theirs)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self._at is not None and self._at in data:
                    self.cut()
                sink.sendall(data)
        self._open -= {source}
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def free_port():
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]
