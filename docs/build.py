"""Builds the documentation in both languages: English at the root of the site, Japanese in its folder `ja`.

Usage: python docs/build.py [FOLDER]     FOLDER is `site` unless another is named.

Any warning fails the build. Pages that are made from the source are made once for both languages.
"""

import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

DOCS = Path(__file__).parent


def build(site: Path, pages: Path = DOCS) -> int:
    """Build both from a folder of pages; return the first exit code that is not 0."""
    options = ["-q", "-W", "--keep-going", "-b", "html", "-c", str(DOCS)]
    folders = {"en": site, "ja": site / "ja"}
    codes = [
        sphinx([*options, "-D", f"language={lang}", str(pages), str(to)]) for lang, to in folders.items()
    ]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1] if len(sys.argv) > 1 else "site")))
