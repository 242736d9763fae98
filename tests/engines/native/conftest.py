"""Everything here needs the native engine; elsewhere it is skipped with the reason."""

import pytest

from koubai.engines.choose import why_not_native


@pytest.fixture(autouse=True)
def _native_engine():
    reason = why_not_native()
    if reason:
        pytest.skip(reason)
