"""The sentences of the documentation's pages and their Japanese: collected, compared, kept up to date.

A page that people write has its translations in `locale/ja/LC_MESSAGES/PAGE.po`: paragraphs, headings,
cells of tables, and blocks of code with comments, in the order of the page. What no language changes (code,
numbers, names of files) needs none. `faults` tells what a translation gets wrong.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import catalog as experiments
import docstrings
import reference
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from languages import JAPANESE, ONE_LANGUAGE, catalog
from markdown_it import MarkdownIt
from pages import GENERATED, write

DOCS = Path(__file__).parent
_HEADER = 'msgid ""\nmsgstr ""\n"Language: ja\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'

_COMMENT = re.compile(r"(?<!\S)#(?:\s.*)?$", re.MULTILINE)
_KANA = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_NARROW = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]\(|\)[\u3040-\u30ff\u4e00-\u9fff]")
_OUTPUT = r"^```text\n(.*?)^```"
_WORD = re.compile(r"[A-Za-z]{2,}")
_NUMBER = re.compile(r"(?<![A-Za-z_\d.])((?:\d[\d,]*)?\.?\d+(?:e-?\d+)?)(?:\s*([万億]))?")
_NUMBER_WORDS = """
zero 0, zeros 0, one 1, two 2, three 3, four 4, five 5, six 6, seven 7, eight 8, nine 9, ten 10, eleven 11,
twelve 12, dozen 12, thirteen 13, fourteen 14, fifteen 15, sixteen 16, twenty 20, thirty 30, forty 40, fifty
50, sixty 60, seventy 70, eighty 80, hundred 100, thousand 1e3, million 1e6, once 1, first 1, twice 2, both
2, pair 2, second 2, half .5 2, halves 2, third 3, thirds 3, quarter 4, quarters 4, fourth 4, fifth 5,
fifths 5, sixth 6, eighth 8, tenth 10, tenths 10, hundredth 100, thousandth 1e3, minute 60, january 1,
february 2, march 3, april 4, may 5, june 6, july 7, august 8, september 9, october 10, november 11,
december 12, double 2, squared 2, squares 2, triple 3"""
_SAID = {word: tuple(map(float, n)) for word, *n in (entry.split() for entry in _NUMBER_WORDS.split(","))}
_UNITS = re.compile(r"(?:n|m|k|M|G|T|Ki|Mi|Gi)?(?:s|B|iB|Hz)|min|GFLOP|ms")
_MARKDOWN = MarkdownIt("commonmark")


def collect() -> dict[str, list[str]]:
    """Return of every page its messages, in order, and those of the docstrings that generated pages show."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    with tempfile.TemporaryDirectory() as folder, patch_docutils(), docutils_namespace():
        overrides = {
            "exclude_patterns": ["generated", "gallery"],
            "gettext_additional_targets": ["literal-block"],
            "suppress_warnings": ["myst", "toc"],
        }
        place = Path(folder)
        app = Sphinx(
            DOCS, DOCS, place, place / "trees", "gettext", overrides, status=None, warning=None, freshenv=True
        )
        app.build(force_all=True)
        pages = {}
        for file in sorted(place.rglob("*.pot")):
            with file.open("rb") as text:
                name = file.relative_to(place).with_suffix("").as_posix()
                pages[name] = [message.id for message in read_po(text) if message.id]
    pages[docstrings.PAGE] = list(dict.fromkeys([*reference.sentences(), *experiments.sentences()]))
    wanted = {page: [m for m in found if needed(m)] for page, found in pages.items()}
    return {page: found for page, found in wanted.items() if found and page not in ONE_LANGUAGE}


def is_block(message: str) -> bool:
    """Return whether this is a block of code, output or a picture in letters."""
    return message.endswith("\n")


def needed(message: str) -> bool:
    """Return whether a message has words that differ between the languages."""
    if message.startswith(".. image::"):
        return False
    if is_block(message):
        return message in _outputs() or any(_WORD.search(comment) for comment in _COMMENT.findall(message))
    return any(not _UNITS.fullmatch(word) for word in _WORD.findall(prose(message)))


def prose(message: str) -> str:
    """Return the words of a message: without code, formulas, addresses."""
    text = re.sub(r"\$[^$]+\$", " ", message)
    tokens = _MARKDOWN.parseInline(text)[0].children or []
    return " ".join(_texts(tokens))


def _texts(tokens):
    for token in tokens:
        if token.type == "text" and not re.fullmatch(r"https?://\S+", token.content):
            yield token.content
        elif token.type == "image":
            yield from _texts(token.children or [])


@cache
def _outputs() -> frozenset[str]:
    """Return the blocks that a program prints, or that draw something: a language has its own."""
    files = [*DOCS.rglob("*.md"), DOCS.parent / "CONTRIBUTING.md"]
    texts = (file.read_text("utf-8") for file in files if GENERATED not in file.parents)
    return frozenset(found for text in texts for found in re.findall(_OUTPUT, text, re.S | re.M))


def update(page: str, messages: list[str]) -> Catalog:
    """Bring a page's file to the messages that it has now, in their order; return what it holds then.

    A sentence that changed keeps its old translation, marked as fuzzy, with the old sentence beside it.
    """
    old, template = catalog(page), Catalog(locale="ja")
    for message in messages:
        template.add(message)
    old.update(template)
    text = BytesIO()
    write_po(text, old, width=0, omit_header=True, ignore_obsolete=True, include_previous=True)
    write(JAPANESE / f"{page}.po", _HEADER + text.getvalue().decode().lstrip())
    return old


def faults(english: str, japanese: str) -> list[str]:
    """Return what a translation has not the same as its original; empty where all is well."""
    if not japanese:
        return ["no translation"]
    if is_block(english):
        return _faults_of_block(english, japanese)
    found = []
    ours, theirs = _parts(japanese), _parts(english)
    for kind in theirs:
        lost, more = theirs[kind] - ours[kind], ours[kind] - theirs[kind]
        if lost or more:
            found.append(f"{kind}: {_told(lost)} in English only, {_told(more)} in Japanese only")
    found += _faults_of_numbers(prose(english), prose(japanese))
    if len(_WORD.findall(prose(english))) > 6 and not _KANA.search(japanese):
        found.append("it is not Japanese")
    if _NARROW.search(re.sub(r"\]\([^)]*\)", "]", japanese)):
        found.append("( ) beside Japanese: （ ）")
    return found


def _parts(text: str) -> dict[str, Counter[str]]:
    """Return how often code, formulas, links, pictures and emphasis stand in a message."""
    found: dict[str, Counter[str]] = {
        "formulas": Counter(re.findall(r"\$[^$]+\$", text)),
        **{kind: Counter() for kind in ("code", "links", "pictures", "emphasis")},
    }
    for token in _MARKDOWN.parseInline(re.sub(r"\$[^$]+\$", " ", text))[0].children or []:
        if token.type == "code_inline":
            found["code"][token.content] += 1
        elif token.type == "link_open":
            found["links"][str(token.attrs["href"]).removeprefix("docs/")] += 1  # as CONTRIBUTING.md says it
        elif token.type == "image":
            found["pictures"][str(token.attrs["src"]).replace("-ja.png", "-en.png")] += 1
        elif token.type in ("strong_open", "em_open"):
            found["emphasis"][token.markup] += 1
    return found


def _told(counted: Counter[str]) -> str:
    return " ".join(counted.elements()) or "nothing"


def _faults_of_numbers(english: str, japanese: str) -> list[str]:
    """Numbers are the same, but for those that English writes as words."""
    theirs, ours = numbers(english), numbers(japanese)
    lost, more = theirs - ours, set(ours) - set(theirs) - said(english) - {1.0}
    found = [f"numbers that are missing: {_told(Counter(map(str, lost.elements())))}"] if lost else []
    return found + ([f"numbers that the original has not: {sorted(more)}"] if more else [])


def numbers(text: str) -> Counter[float]:
    """Return the numbers of a text: 60,000, 6 万, .5 as well as 0.5."""
    found = _NUMBER.finditer(text)
    return Counter(float(n[1].replace(",", "")) * {"万": 1e4, "億": 1e8, None: 1}[n[2]] for n in found)


def said(english: str) -> set[float]:
    """Return the numbers that a sentence says in words: two million is 2, 1,000,000 and 2,000,000."""
    words = re.findall(r"[a-z]+", english.lower())
    values = [_SAID.get(word, ()) for word in words]
    pairs = pairwise(values)
    return {n for value in values for n in value} | {a * b for x, y in pairs for a in x for b in y}


def _faults_of_block(english: str, japanese: str) -> list[str]:
    """Code is the same but for its comments; of what a program prints, and of drawings, the numbers are."""
    if english in _outputs():
        return _faults_of_numbers(english, japanese)
    same = _COMMENT.sub("", english) == _COMMENT.sub("", japanese)
    return [] if same else ["code differs in more than its comments"]
