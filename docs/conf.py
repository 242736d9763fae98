"""Sphinx configuration; the reference pages are written from the registries before every build."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from reference import write_reference  # the module beside this file

project = "koubai"
author = "The koubai developers"
extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "koubai 勾配"
exclude_patterns = ["generated/README.md"]
suppress_warnings = ["myst.header"]

write_reference(Path(__file__).parent / "generated")
