"""Whether the native engine can compute, on this machine, as a job asks."""

from __future__ import annotations

from koubai.core.errors import EngineError
from koubai.engines.engine import Job
from koubai.engines.native.backends.backend import Backend
from koubai.engines.native.backends.find import why_not_onednn
from koubai.engines.native.kernels.base import has_bfloat16
from koubai.words.phrase import phrase


def require_possible(job: Job, backend: Backend) -> None:
    """Raise unless this engine on this machine can compute as the job asks."""
    if job.dtype != "float32":
        raise EngineError("native_engine_computes_in_float32", got=job.dtype, hint="engine='reference'")
    if job.precision not in ("float32", "bfloat16"):
        raise EngineError(
            "unknown_name", kind="precision", name=job.precision, expected=phrase("float32_or_bfloat16")
        )
    if job.precision == "bfloat16" and not has_bfloat16():
        raise EngineError("processor_has_no_bfloat16", hint="precision='float32'")
    if job.precision == "bfloat16" and not backend.has_bfloat16:
        raise EngineError("bfloat16_needs_onednn", got=why_not_onednn(), hint="precision='float32'")
