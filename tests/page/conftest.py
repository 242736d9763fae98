import asyncio

import pytest


@pytest.fixture
def page(tmp_path):
    """Run a coroutine on a fresh page: page(lambda page: ...)."""

    from .whole import Page

    def run(talk, **settings):
        async def main():
            return await talk(Page(tmp_path=tmp_path, **settings))

        return asyncio.run(main())

    return run
