"""The documentation in two languages: what Sphinx has to be told besides `language`.

Pages that people write are English; their Japanese is in `locale/ja/` (see `scripts/translations`).
Pages that are made from the source are made in both languages, from the catalog in `koubai.words`. Every page
links to itself in the other language: English lies at the root of the site, Japanese in `ja/`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from docutils import nodes
from pages import home
from sphinx.search import SearchLanguage

JAPANESE = Path(__file__).parent / "locale" / "ja" / "LC_MESSAGES"
ONE_LANGUAGE = {"changelog": "en", "doctor-diary": "en", "notes-ja": "ja"}
"""Pages that stay in the language they are written in; readers of the other are told so."""

_RUN = r"[\u3005-\u3007\u3040-\u30ff\u3400-\u9fff]+"
"""Characters that Japanese writes without spaces between words."""

_LABELS = {
    "Toggle Light / Dark / Auto color theme": "明るい・暗い・自動の配色を切り替える",
    "Toggle site navigation sidebar": "ページの一覧を開閉",
    "Toggle table of contents sidebar": "このページの目次を開閉",
    "Auto light/dark, in light mode": "自動の配色、今は明るい",
    "Auto light/dark, in dark mode": "自動の配色、今は暗い",
    "Light mode": "明るい配色",
    "Dark mode": "暗い配色",
    "Contents": "目次",
    "Expand": "開く",
    "Menu": "メニュー",
}
"""What Furo's buttons and symbols are called."""

_WORD = f"{_RUN}|[A-Za-z0-9_]+"
_KANJI = r"[\u3400-\u9fff]"


class Japanese(SearchLanguage):
    """Splits Japanese into pairs of neighboring characters, for the index and for what is looked up.

    Sphinx's own splitter cuts the pages into words, what is looked up nowhere: 勾配消失 would find nothing.
    Pairs need no dictionary, and every part of a compound finds it; the index has single kanji, too.

    >>> Japanese({}).split("勾配消失とReLU")
    ['勾配', '配消', '消失', '失と', '勾', '配', '消', '失', 'ReLU']
    """

    lang = "ja"
    language_name = "Japanese"
    js_splitter_code = f"""
var splitQuery = (query) =>
  (query.match(/{_WORD}/gu) || []).flatMap((word) =>
    /^{_RUN}$/u.test(word) && word.length > 1
      ? Array.from({{ length: word.length - 1 }}, (_, i) => word.slice(i, i + 2))
      : [word]);
"""

    def split(self, input: str) -> list[str]:  # noqa: A002 - Sphinx's name
        """Return the pairs of each run of Japanese and its kanji one by one, and all other words whole."""
        found = []
        for word in re.findall(_WORD, input):
            if re.fullmatch(_RUN, word):
                found += [word[i : i + 2] for i in range(len(word) - 1)] + re.findall(_KANJI, word)
            else:
                found.append(word)
        return found

    def word_filter(self, word: str) -> bool:
        """Keep all but single letters."""
        return len(word) > 1 or bool(re.match(_KANJI, word))

    def stem(self, word: str) -> str:
        """Return the word in small letters."""
        return word.lower()


def read_language(app: Any, name: str, content: list[str]) -> None:
    """Read a page that is made from the source in the language that is built."""
    if name.startswith("generated/") and app.config.language != "en":
        path = home(app.config.language) / f"{name.removeprefix('generated/')}.md"
        content[0] = path.read_text(encoding="utf-8")
        app.env.note_dependency(str(path))


def catalog(page: str) -> Catalog:
    """Return the translations of a page; none where there is no file."""
    file = JAPANESE / f"{page}.po"
    if not file.exists():
        return Catalog(locale="ja")
    with file.open("rb") as text:
        return read_po(text, locale="ja")


def translate_blocks(app: Any, doctree: nodes.document) -> None:
    """Put in the translated blocks of code and of output; Sphinx itself does so in reStructuredText only."""
    if app.config.language == "en":
        return
    kept = catalog(app.env.docname)
    for block in doctree.findall(nodes.literal_block):
        told = kept.get(block.astext().rstrip("\n") + "\n")
        if told and told.string:
            block.rawsource = told.string.rstrip("\n")
            block.children = [nodes.Text(block.rawsource)]


def link_languages(app: Any, name: str, template: str, context: Any, doctree: Any) -> None:
    """Give the template the address of the same page in the other language."""
    root, page = "../" * name.count("/"), app.builder.get_target_uri(name)
    here, there = app.config.language, {"en": "ja", "ja": "en"}[app.config.language]
    context["other_language"] = there
    context["not_translated"] = ONE_LANGUAGE.get(name, here) != here
    if name == "search" and here == "ja":
        app.add_js_file("search-ja.js", priority=900)  # behind Sphinx's own translations
    context["other_page"] = f"{root}ja/{page}" if here == "en" else f"../{root}{page}"


def translate_labels(app: Any, exception: Exception | None) -> None:
    """Put what a screen reader says of the theme's buttons into Japanese; the theme has English alone."""
    if exception is None and app.config.language == "ja" and app.builder.name == "html":
        for file in Path(app.outdir).rglob("*.html"):
            text = file.read_text(encoding="utf-8")
            told = re.sub('Toggle navigation of ([^"<]*)', r"\1の項目を開閉", text)
            for english, japanese in _LABELS.items():
                for before, behind in (('aria-label="', '"'), ("<title>", "</title>"), ('hidden">', "<")):
                    told = told.replace(f"{before}{english}{behind}", f"{before}{japanese}{behind}")
            if told != text:
                file.write_text(told, encoding="utf-8")


def setup(app: Any) -> None:
    """Connect to Sphinx."""
    app.add_search_language(Japanese)
    app.connect("source-read", read_language)
    app.connect("doctree-read", translate_blocks)
    app.connect("html-page-context", link_languages)
    app.connect("build-finished", translate_labels)
