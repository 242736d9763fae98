"""Everything here needs the native engine; elsewhere it is skipped with the reason."""

import pytest

from koubai.engines.choose import why_not_native
from koubai.engines.native.backends.find import why_not_onednn


@pytest.fixture(autouse=True)
def _native_engine():
    reason = why_not_native()
    if reason:
        pytest.skip(reason)


@pytest.fixture(params=["onednn", "blas"])
def backend(request, monkeypatch):
    """The programs of a test compute with this backend."""
    if request.param == "onednn" and (reason := why_not_onednn()):
        pytest.skip(reason)
    monkeypatch.setenv("KOUBAI_KERNELS", request.param)
    return request.param
