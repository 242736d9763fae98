"""Sphinx configuration; pages about what is registered are written before every build.

English is built unless `-D language=ja` is given; `build.py` builds both. See `languages.py`.
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import languages  # the modules beside this file
from pages import GENERATED

(GENERATED / "static").mkdir(parents=True, exist_ok=True)

project = "koubai"
author = "The koubai developers"
extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_theme_options = {"top_of_page_buttons": ["view"]}  # the other language: see _templates
html_title = "koubai 勾配"
html_static_path = ["_static", "generated/static"]
html_css_files = ["pictures.css"]
html_show_sourcelink = False
html_show_copyright = False
html_copy_source = False
templates_path = ["_templates"]
exclude_patterns = ["generated/runs", "generated/ja", "gallery"]
suppress_warnings = ["myst.header"]
language = "en"
locale_dirs = ["locale"]
gettext_compact = False  # one file of translations a page


def write_pages(app: Any) -> None:
    """Write the pages that are made from the source, unless only sentences are collected."""
    if app.builder.name != "gettext":
        from generate import generate

        generate()


def add_scripts(app: Any, name: str, template: str, context: Any, doctree: Any) -> None:
    """Load Plotly on the pages that have pictures, and on no other."""
    if name.startswith("generated/experiments/"):
        for script in ("plotly.js", "looks.js", "pictures.js"):
            app.add_js_file(script)


def setup(app: Any) -> None:
    """Connect to Sphinx."""
    app.connect("builder-inited", write_pages)
    app.connect("html-page-context", add_scripts)
    languages.setup(app)
