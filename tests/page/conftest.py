import asyncio

import pytest


@pytest.fixture(autouse=True)
def loud(monkeypatch):
    """Tests that run what a process of the page's runs keep their priority, and hear Ctrl-C."""
    for module in ("look", "trial"):
        monkeypatch.setattr(f"koubai.page.watch.{module}.quietly", lambda: None)


@pytest.fixture
def page(tmp_path):
    """Run a coroutine on a fresh page: page(lambda page: ...)."""

    from .whole import Page

    def run(talk, **settings):
        async def main():
            return await talk(Page(tmp_path=tmp_path, **settings))

        return asyncio.run(main())

    return run
