"""Sphinx configuration; pages about what is registered are written before every build."""

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from catalog import write_experiments, write_scripts  # the modules beside this file
from diagnoses import write_diagnoses
from notebooks import write_notebooks
from reference import write_reference

HERE = Path(__file__).parent

project = "koubai"
author = "The koubai developers"
extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "koubai 勾配"
html_static_path = ["_static", "generated/static"]
html_css_files = ["pictures.css"]
html_show_sourcelink = False
html_show_copyright = False
html_copy_source = False
exclude_patterns = ["generated/runs", "gallery"]
suppress_warnings = ["myst.header"]

write_reference(HERE / "generated")
write_diagnoses(HERE / "generated" / "diagnoses")
write_scripts(HERE / "generated" / "static")
write_notebooks(HERE / "generated" / "gallery")
write_experiments(
    HERE / "generated" / "experiments",
    Path(os.environ.get("KOUBAI_DOCS_RUNS", HERE / "generated" / "runs")),
)


def add_scripts(app: Any, name: str, template: str, context: Any, doctree: Any) -> None:
    """Load Plotly on the pages that have pictures, and on no other."""
    if name.startswith("generated/experiments/"):
        for script in ("plotly.js", "looks.js", "pictures.js"):
            app.add_js_file(script)


def setup(app: Any) -> None:
    """Connect to Sphinx."""
    app.connect("html-page-context", add_scripts)
