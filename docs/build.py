"""Builds the documentation in both languages: English at the root of the site, Japanese in its folder `ja`.

Usage: python docs/build.py [FOLDER]     FOLDER is `site` unless another is named.

Any warning fails the build. Pages that are made from the source are made once for both languages.
"""

import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

DOCS = Path(__file__).parent


def build(site: Path) -> int:
    """Build both; return the first exit code that is not 0."""
    quiet = ["-q", "-W", "--keep-going", "-b", "html"]
    folders = {"en": site, "ja": site / "ja"}
    codes = [sphinx([*quiet, "-D", f"language={lang}", str(DOCS), str(to)]) for lang, to in folders.items()]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1] if len(sys.argv) > 1 else "site")))
