"""Small data files written from the definitions of their formats, a mirror on loopback, the real files."""

import gzip
import hashlib
import os
import struct
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from koubai.data.sources.idx_images import IdxFile
from koubai.data.sources.mnist import Mnist

NAMES = tuple(file.name for file in Mnist.published)
_GIVEN = os.environ.get("KOUBAI_DATA")  # before any test takes it out of the environment


def real_folder() -> Path:
    """Where the published files of MNIST and Fashion-MNIST are: KOUBAI_DATA, or beside the repository."""
    return Path(_GIVEN) if _GIVEN else Path(__file__).parents[2].parent / "shared" / "data"


def idx(array: np.ndarray) -> bytes:
    """The bytes of an IDX file, written from the definition of the format."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def small_set(train: int = 30, test: int = 10, seed: int = 0) -> dict[str, bytes]:
    """The four files of a small set in the shape of MNIST, unpacked, by name."""
    rng = np.random.default_rng(seed)
    files = {}
    for (images, labels), n in zip((NAMES[:2], NAMES[2:]), (train, test), strict=True):
        files[images] = idx(rng.integers(0, 256, (n, 28, 28), dtype=np.uint8))
        files[labels] = idx((np.arange(n) % 10).astype(np.uint8))
    return files


def write(folder: Path, files: dict[str, bytes], *, packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        place = folder / (f"{name}.gz" if packed else name)
        place.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    return folder


def publish(files: dict[str, bytes]) -> tuple[IdxFile, ...]:
    """What Mnist.published would be if `files` were the published ones."""
    sha = hashlib.sha256
    return tuple(
        IdxFile(name, sha(content).hexdigest(), sha(gzip.compress(content, mtime=0)).hexdigest())
        for name, content in files.items()
    )


@st.composite
def mutated(draw, valid: bytes) -> bytes:
    """`valid` after some bytes are changed, cut out, doubled, or the end is lost."""
    content = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        kind = draw(st.sampled_from(["change", "cut", "insert", "end"]))
        if kind == "change" and content:
            content[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del content[at : at + draw(st.integers(1, 8))]
        elif kind == "insert":
            content[at:at] = draw(st.binary(min_size=1, max_size=8))
        else:
            del content[at:]
    return bytes(content)


class Mirror:
    """A web server on loopback: path -> content, or a status to answer with."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | int] = {}
        self.asked: list[str] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                answer = mirror.files.get(self.path, 404)
                if isinstance(answer, int):
                    self.send_error(answer)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
