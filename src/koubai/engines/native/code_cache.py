"""Machine code kept between processes: a kernel is compiled once for a version of its source and a processor.

    FOLDER/optimizers.adam-KEY.code  SHA-256 of the rest; a line of JSON; object code; LLVM bitcode

KEY is a digest of all that decides the code: the sources of all kernels (each holds its helpers' code,
wherever they stand), versions of Numba, llvmlite and Python, Numba's settings, the processor, the kernel's
name and options. So the code of another source is never found, and a damaged file is no code. FOLDER is
$NUMBA_CACHE_DIR, __pycache__ beside the kernels, or the user's cache folder: what is there is read, and new
code is written to the first that can be written. Where none can, that is said once.

Numba's own cache asks only whether the kernel's own file has changed, and unpickles what it finds.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import config, registry
from numba.core.compiler_lock import global_compiler_lock

from koubai.words import say

KERNELS = Path(__file__).parent / "kernels"
_SETTINGS = ("OPT", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX")
_DIGEST = 32  # bytes
_KEPT = 8  # files of one kernel: versions, processors
_DAY = 86400.0  # seconds
_libraries: list[Any] = []  # machine code in use stays in memory


def machine_code(function: Callable[..., None], signature: Any, **options: Any) -> int:
    """Return the address of a function's machine code, from a file where there is one, else compiled."""
    with global_compiler_lock:
        file = _file_of(function, signature, options)
        library, name = (file.load() if file is not None else None) or (None, "")
        if library is None:
            made = numba.cfunc(signature, **options)(function)
            library, name = made._library, made.native_name
            if file is not None and not library.has_dynamic_globals:
                file.save(library, name)
        _libraries.append(library)
        return int(library.get_pointer_to_function(name))


def sources_digest(folder: Path) -> str:
    """Return a digest of the Python files in a folder and in those inside; "" where there are none."""
    digest, files = hashlib.sha256(), sorted(folder.rglob("*.py"))
    for file in files:
        data = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()} {len(data)}\n".encode() + data)
    return digest.hexdigest() if files else ""


_AT_START = sources_digest(KERNELS)  # before a kernel is imported


def _file_of(function: Callable[..., None], signature: Any, options: dict[str, Any]) -> CodeFile | None:
    """Return the file of a kernel's code; None for functions whose helpers' sources are not known here."""
    origin = _origin(function)
    if not _AT_START or origin is None:
        return None
    name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
    decides = [
        _AT_START,
        (numba.__version__, llvmlite.__version__, sys.version),
        [(setting, getattr(config, setting, None)) for setting in _SETTINGS],
        registry.cpu_target.target_context.codegen().magic_tuple(),
        (origin, str(signature)),
        sorted((option, _plain(value)) for option, value in options.items()),
    ]
    return CodeFile(name, hashlib.sha256(repr(decides).encode()).hexdigest()[:32])


def _origin(function: Any) -> tuple[Any, ...] | None:
    """Return where a function and the helpers it holds are written; None unless all are among the kernels."""
    code = getattr(function, "__code__", None)
    if code is None or not Path(code.co_filename).is_relative_to(KERNELS):
        return None
    held = [_origin(getattr(cell.cell_contents, "py_func", None)) for cell in function.__closure__ or ()]
    return None if None in held else (function.__module__, function.__qualname__, code.co_firstlineno, held)


def _plain(value: Any) -> str:
    return repr(sorted(value) if isinstance(value, set) else value)


@dataclass(frozen=True)
class CodeFile:
    """Where the code of one kernel is kept, under a key that stands for all that decides it."""

    kernel: str
    key: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.kernel}-{self.key}.code"

    def load(self) -> tuple[Any, str] | None:
        """Return the library and the name of its function, None if no file holds it whole."""
        for folder in _folders():
            with suppress(OSError):
                if (found := unpack((folder / self.name).read_bytes())) is not None:
                    name, function, *code = found
                    context = registry.cpu_target.target_context
                    context.refresh()
                    return context.codegen().unserialize_library((name, "object", tuple(code))), function
        return None

    def save(self, library: Any, function: str) -> None:
        """Write the code to the first folder that takes it, unless the kernels have changed meanwhile."""
        name, _, (code, bitcode) = library.serialize_using_object_code()
        if sources_digest(KERNELS) != _AT_START:  # an upgrade under way: which source this was, nobody knows
            return
        reasons = []
        for folder in _folders():
            try:
                _write(folder, self.name, pack(name, function, code, bitcode))
                _sweep(folder, self.kernel)
                return
            except OSError as error:
                reasons.append(f"{folder}: {error.strerror}")
        _warn("; ".join(reasons))


def pack(name: str, function: str, code: bytes, bitcode: bytes) -> bytes:
    """Return a library's name, its function's, and both forms of its code as the bytes of a file."""
    head = json.dumps({"name": name, "function": function, "bytes": len(code)}).encode() + b"\n"
    body = head + code + bitcode
    return hashlib.sha256(body).digest() + body


def unpack(data: bytes) -> tuple[str, str, bytes, bytes] | None:
    """Return what `pack` took, None if the bytes are not as they were written."""
    if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
        return None
    head, _, code = data[_DIGEST:].partition(b"\n")
    facts = json.loads(head)
    return facts["name"], facts["function"], code[: facts["bytes"]], code[facts["bytes"] :]


def _folders() -> Iterator[Path]:
    """Yield the folders that may hold code, the first choice first."""
    if config.CACHE_DIR:
        yield Path(config.CACHE_DIR) / "koubai"
    yield KERNELS / "__pycache__"
    from koubai.data.files import cache_folder  # brings more imports, which most never need

    with suppress(OSError, RuntimeError):  # there is no home
        yield cache_folder() / "kernels"


def _write(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rest = folder / f".{name}.{uuid.uuid4().hex[:8]}.part"
    try:
        rest.write_bytes(data)
        rest.replace(folder / name)
    except OSError:
        with suppress(OSError):
            rest.unlink()
        raise


def _sweep(folder: Path, kernel: str) -> None:
    """Remove what older versions of a kernel left, and what killed processes did."""
    with suppress(OSError):
        codes = _by_age(path for path in folder.glob(f"{kernel}-*.code"))
        rests = (path for path in folder.glob(".*.part") if time.time() - path.stat().st_mtime > _DAY)
        for old in (*codes[:-_KEPT], *rests):
            old.unlink(missing_ok=True)


def _by_age(files: Iterable[Path]) -> list[Path]:
    return sorted(files, key=lambda path: path.stat().st_mtime)


@cache
def _warn(reasons: str) -> None:
    warnings.warn(say("engines.code_not_kept", why=reasons), stacklevel=3)
