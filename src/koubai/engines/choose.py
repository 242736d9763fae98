"""Which engine runs a job: by its name, or the best one when the user does not say.

The native engine runs wherever Numba does: with oneDNN where that is found, else with BLAS.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

from koubai.core.errors import EngineError, SettingError, UnknownName
from koubai.core.memory import require_memory
from koubai.engines.devices import asked_device, gpu_here, is_gpu
from koubai.engines.engine import Job, Program
from koubai.engines.native.backends.find import find_backend, kernels, why_not_onednn
from koubai.engines.sizes import job_bytes
from koubai.network.network import Network
from koubai.words import say
from koubai.words.phrase import phrase

_LARGE = 3_000_000_000  # multiply-adds per step: more than 10 ms of a core


def engines() -> dict[str, Callable[[Job], Program]]:
    """Return the engines by name; a heavy one is imported when it compiles."""
    return {"reference": _reference, "native": _native, "torch": _torch}


def compile_job(job: Job, engine: str = "auto") -> Program:
    """Compile a job; "auto" is native where it runs, else reference, with one line that says why.

    A GPU is the torch engine's: "auto" takes it for a job that names one, and for a large network where the
    job leaves the device open and there is one, with a line that says so.

    Raises:
        UnknownName: an engine or a device of no such name.
        EngineError: a device that is not here, or not this engine's.
        TooLarge: the job needs more memory than there is; nothing was compiled.
    """
    name = engine_of(job, engine)
    if job.threads < 1:
        raise SettingError("engine_needs_threads", expected="threads >= 1", got=job.threads)
    require_memory(job_bytes(job, name), "network")
    return engines()[name](job)


def engine_of(job: Job, engine: str) -> str:
    """Return the name of the engine that compiles a job, when told a name or "auto"; raises as above."""
    known = engines()
    asked_device(job.device)  # raises where it is none
    if job.ranks.size > 1:
        engine = _for_ranks(job, engine)
    name = best_engine(job) if engine == "auto" else engine
    if name not in known:
        raise UnknownName("engine", name, known)
    check_engine_on(name, job.device)
    if name != "torch" and job.precision == "float16":
        raise EngineError("float16_is_the_torch_engines", where=phrase("place.engine", name=name))
    return name


def check_engine_on(engine: str, device: str) -> None:
    """Raise EngineError where an engine other than torch is asked for a GPU."""
    if engine != "torch" and is_gpu(device):
        raise EngineError("engine_computes_on_the_cpu", where=phrase("place.engine", name=engine), got=device)


def _for_ranks(job: Job, engine: str) -> str:
    """Return the one engine that several processes can share a job on, or raise."""
    if engine not in ("auto", "torch"):
        raise EngineError("engine_trains_in_one_process", where=phrase("place.engine", name=engine))
    if job.batch_size < job.ranks.size:
        raise EngineError(
            "more_processes_than_rows",
            where="batch_size",
            expected=f">= {job.ranks.size}",
            got=job.batch_size,
        )
    return "torch"


def best_engine(job: Job) -> str:
    """Return the name of the engine for a job: native where it runs, else reference, with one warning why."""
    device = asked_device(job.device)
    if is_gpu(device):
        return "torch"
    if device == "auto" and takes_the_gpu(job.network, job.batch_size, job.dtype):
        return "torch"
    if job.precision == "float16":
        return "torch"
    if job.dtype != "float32":
        return "reference"  # asked for: the native engine computes in float32
    reason = why_not_native()
    if reason is None:
        return "native"
    _warn_once(say("engines.reference_instead", why=reason))
    return "reference"


def takes_the_gpu(network: Network, batch_size: int, dtype: str) -> bool:
    """Return whether there is a GPU and a step has so many products that it should be worth its start.

    Says so, once, where it is. How many products that are is a guess.
    """
    if dtype != "float32" or 3 * network.multiply_adds * batch_size < _LARGE or not gpu_here():
        return False
    _warn_once(say("engines.torch_on_the_gpu"))
    return True


@cache
def why_not_native() -> str | None:
    """Return one line that says why the native engine cannot run here, or None where it can."""
    try:
        import numba  # noqa: F401 - asks whether it is installed

        find_backend()
    except EngineError as error:
        return error.in_one_line()
    except ImportError as error:
        return phrase("native_engine_needs", package=error.name, command=f"pip install {error.name}")
    return None


def load_native() -> None:
    """Load what all native programs share, where one can run: half a second of one thread."""
    if why_not_native() is None:
        from koubai.engines.native.kernels import loop
        from koubai.engines.native.program import NativeProgram  # noqa: F401 - and all that it imports

        loop.run_address()  # has its machine code at hand from now on


def engine_title(name: str, lang: str | None = None) -> str:
    """Return an engine's name for a reader, with the reason where the native engine runs without oneDNN."""
    reason = why_not_onednn() if name == "native" else None
    return say("engines.without_onednn", lang, engine=name, why=reason) if reason else name


def kernels_of(engine: str) -> str:
    """Return what computes an engine's products, with its version; other kernels round otherwise."""
    return kernels() if engine == "native" else ""


@cache
def _warn_once(sentence: str) -> None:
    warnings.warn(sentence, stacklevel=3)


def _reference(job: Job) -> Program:
    from koubai.engines.reference import ReferenceProgram

    return ReferenceProgram(job)


def _native(job: Job) -> Program:
    from koubai.engines.native.program import NativeProgram

    return NativeProgram(job)


def _torch(job: Job) -> Program:
    from koubai.engines.torch.program import TorchProgram

    return TorchProgram(job)
