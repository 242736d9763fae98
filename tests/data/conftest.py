import threading
from pathlib import Path

import pytest

from support.data_files import Mirror, real_folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the published files."""
    folder = real_folder()
    if not (folder / "mnist").is_dir():
        pytest.skip(f"no MNIST in {folder}: name its folder with KOUBAI_DATA")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch) -> Path:
    """No test sees the data, or the cache, of the person who runs it."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("KOUBAI_DATA", raising=False)
    return cache / "koubai"


@pytest.fixture
def mirror():
    mirror = Mirror()
    thread = threading.Thread(target=mirror.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield mirror
    mirror.server.shutdown()
    thread.join()
    mirror.server.server_close()
