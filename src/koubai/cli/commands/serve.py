"""`koubai serve`: the live page, for this machine, until Ctrl-C."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from koubai.cli.output import console, option, style, whole
from koubai.core.errors import KoubaiError
from koubai.words import say
from koubai.words.phrase import phrase


def serve(
    *,
    port: Annotated[int, whole("page.cli.port")] = 0,
    open_: Annotated[bool, option("page.cli.open", name="--open", negative="")] = False,
    runs: Annotated[tuple[Path, ...], option("page.cli.runs", consume_multiple=True, negative="")] = (),
    data_dir: Annotated[Path | None, option("cli.run.data_dir", env_var="KOUBAI_DATA")] = None,
    out: Annotated[Path | None, option("page.cli.keep", name=("--out", "-o"))] = None,
    host: Annotated[str, option("page.cli.host")] = "127.0.0.1",
    allow_remote: Annotated[bool, option("page.cli.allow_remote", negative="")] = False,
    root_path: Annotated[str, option("page.cli.root_path")] = "",
    origin: Annotated[str | None, option("page.cli.origin")] = None,
) -> None:
    """Open the live page."""
    from koubai.data.files import cache_folder
    from koubai.page.serve import ServedAt, serve

    told: list[str] = []

    def tell(address: str) -> None:
        told.append(address)
        first = len(told) == 1
        if style.json:
            print(json.dumps({"address": address}), flush=True)
        else:
            print(f"{say('page.cli.open_at' if first else 'page.cli.another')}  {address}", flush=True)
        if first and not style.json:
            print(say("page.cli.once"), flush=True)
        if first and open_:
            import webbrowser

            webbrowser.open(address)

    for folder in runs:
        if not folder.is_dir():
            raise KoubaiError("no_such_folder", where="--runs", got=str(folder), hint=phrase("make_folder"))
    place = ServedAt(host, port, allow_remote, root_path, origin)
    serve(place, store=out or cache_folder() / "lessons", data_dir=data_dir, runs=runs, on_address=tell)
    if not style.json:
        console().print(say("page.cli.ended"))
