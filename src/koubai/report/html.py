"""One self-contained HTML file: it opens offline, asks for nothing, and cannot run a foreign script.

Plotly comes from its Python package and is packed (gzip, base64) into the file once: 2 MB instead of 5. The
page's policy allows the two scripts it carries by their hashes, and no request of any kind. Without
scripts, or in a browser too old to unpack, every figure's sentence and table remain.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from koubai.core.errors import KoubaiError
from koubai.core.visible import visible
from koubai.report.page import Page
from koubai.report.palette import DARK_PAGE, LIGHT_PAGE, dark_colors
from koubai.report.picture import Panel
from koubai.report.theme import template
from koubai.train.files import write_atomic
from koubai.words import say
from koubai.words.phrase import phrase
from koubai.words.system import reason

_TEMPLATES = files("koubai.report") / "templates"


class _Plots:
    """Numbers the panels of a page in the order the template meets them, and gives their data as JSON."""

    def __init__(self, page: Page) -> None:
        pictures = [page.lead] if page.lead else []
        pictures += [picture for section in page.sections for picture in section.pictures]
        panels = [panel for picture in pictures for panel in picture.panels]
        self._ids = {id(panel): f"figure-{i}" for i, panel in enumerate(panels)}
        self._panels = panels

    def __len__(self) -> int:
        return len(self._panels)

    def id(self, panel: Panel) -> str:
        """Return the id of a panel's element."""
        return self._ids[id(panel)]

    def json(self) -> Any:
        """Return all figures, both templates and the dark colors, safe inside a script element."""
        from markupsafe import Markup

        data = {
            "figures": {self.id(panel): panel.figure.plain() for panel in self._panels},
            "templates": {"light": template(), "dark": template(dark=True)},
            "dark": dark_colors(),
        }
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        for letter in "<>&\u2028\u2029":  # nothing in a string may end the element it stands in
            text = text.replace(letter, f"\\u{ord(letter):04x}")
        return Markup(text)


def render(page: Page) -> str:
    """Return the page as one HTML document."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    from koubai import __version__

    script = (_TEMPLATES / "page.js").read_text(encoding="utf-8")
    packed, plotly_hash = _plotly()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    words = {
        name: say(f"report.page.{name}", page.lang)
        for name in ("numbers", "contents", "noscript", "undrawn", "remedies")
    }
    return environment.from_string((_TEMPLATES / "page.html.j2").read_text(encoding="utf-8")).render(
        page=page,
        plots=_Plots(page),
        words=words,
        version=__version__,
        policy=Markup(f"'sha256-{_sha256(script)}' 'sha256-{plotly_hash}'"),
        css=Markup(_css()),
        script=Markup(script),
        plotly=Markup(packed),
    )


def write_page(page: Page, path: Path) -> Path:
    """Write a page to a file."""
    return write_text(render(page), path)


def write_text(html: str, path: Path) -> Path:
    """Write a page's text to a file that is either the old one or the whole new one, never a part.

    Raises:
        KoubaiError: the file cannot be written.
    """
    text = visible(html)
    path = path.expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
    except OSError as error:
        raise KoubaiError(
            "page_could_not_be_written",
            why=reason(error),
            where=str(path),
            hint=phrase("name_another_file"),
        ) from error
    return path


@cache
def _css() -> str:
    text = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
    return text.replace("{{ light_page }}", LIGHT_PAGE).replace("{{ dark_page }}", DARK_PAGE)


@cache
def _plotly() -> tuple[str, str]:
    """Return Plotly's script, packed for the page, and the hash by which the page's policy knows it."""
    from plotly.offline import get_plotlyjs

    source = get_plotlyjs()
    # Level 4 makes 4 % more bytes than level 9, in 40 % of the time, which every report takes.
    packed = gzip.compress(source.encode(), compresslevel=4, mtime=0)
    return base64.b64encode(packed).decode("ascii"), _sha256(source)


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
