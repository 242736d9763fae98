"""A small site in both languages, built as `docs/build.py` builds the real one: the switch, the search."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from support.browser import CHROMIUM
from support.docs import within_docs

PAGES = {
    "index.md": "# Start\n\nA vanishing gradient.\n\n"
    "```{toctree}\ndeep/page\nchangelog\ngenerated/made\n```\n",
    "deep/page.md": "# 深い層\n\n勾配消失は、重みの初期値を変えると防げます。\n",
    "changelog.md": "# Changelog\n\nWhat changed.\n",
    "generated/made.md": "# Made from the source\n",
    "generated/ja/made.md": "# ソースから作った頁\n",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site; what is made from koubai's source is not made."""
    place = tmp_path_factory.mktemp("docs")
    for name, text in PAGES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    with within_docs(), pytest.MonkeyPatch.context() as patch:
        import build
        import generate
        import languages

        patch.setattr(generate, "generate", lambda: None)
        patch.setattr(languages, "home", lambda lang: place / "generated" / lang)
        assert build.build(place / "site", place) == 0
    return place / "site"


def switch(file):
    """The link of a page to the other language."""
    from bs4 import BeautifulSoup

    page = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
    (link,) = page.select(".languages a")
    (alternate,) = page.select("link[rel=alternate][hreflang]")
    assert link["href"] == alternate["href"]
    assert link["hreflang"] != page.html["lang"]
    return link


def test_every_page_leads_to_itself_in_the_other_language_and_back(site):
    english = {path.relative_to(site) for path in site.rglob("*.html") if "ja" not in path.parts}
    japanese = {path.relative_to(site / "ja") for path in (site / "ja").rglob("*.html")}
    assert {Path("index.html"), Path("deep/page.html"), Path("search.html")} <= english
    assert english == japanese
    for name in english:
        there = site / "ja" / name
        assert ((site / name).parent / switch(site / name)["href"]).resolve() == there
        assert (there.parent / switch(there)["href"]).resolve() == site / name


def test_a_page_made_from_the_source_is_read_in_its_language(site):
    assert "Made from the source" in (site / "generated/made.html").read_text(encoding="utf-8")
    japanese = (site / "ja/generated/made.html").read_text(encoding="utf-8")
    assert "ソースから作った頁" in japanese
    assert "Made from the source" not in japanese


def test_what_the_theme_says_to_screen_readers_is_japanese_too(site):
    assert "ページの一覧を開閉" in (site / "ja/index.html").read_text(encoding="utf-8")
    for file in (site / "ja").rglob("*.html"):
        assert "Toggle " not in file.read_text(encoding="utf-8")
    assert "Toggle site navigation sidebar" in (site / "index.html").read_text(encoding="utf-8")


def test_pages_that_are_no_longer_made_are_deleted(site, tmp_path, monkeypatch):
    import pages

    monkeypatch.setattr(pages, "WRITTEN", set())
    for name in ("old.md", "ja/old.md", "runs/x/note.md", "kept.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("old", encoding="utf-8")
    pages.write(tmp_path / "new.md", "new")
    pages.clear(tmp_path)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"new.md", "runs/x/note.md", "kept.ipynb"}


def test_a_page_in_one_language_says_so_to_readers_of_the_other(site):
    assert "英語のみ" in (site / "ja/changelog.html").read_text(encoding="utf-8")
    for name in ("changelog.html", "ja/index.html"):
        assert "admonition-title" not in (site / name).read_text(encoding="utf-8")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt install chromium")
def test_search_finds_parts_of_compounds_in_japanese_and_words_in_english(site, browser):
    handler = partial(SimpleHTTPRequestHandler, directory=site)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    for folder, asked, title in (
        ("ja/", "勾配消失", "深い層"),
        ("ja/", "初期値", "深い層"),
        ("ja/", "層", "深い層"),
        ("ja/", "vanishing", "Start"),
        ("", "vanishing gradients", "Start"),
    ):
        page.goto(f"http://127.0.0.1:{server.server_port}/{folder}search.html?q={quote(asked)}")
        found = page.locator("#search-results li a").first
        found.wait_for(timeout=10_000)
        assert found.inner_text() == title, asked
        assert page.locator(".search-summary").inner_text().strip(), asked
    page.goto(f"http://127.0.0.1:{server.server_port}/ja/search.html?q={quote('存在しない語')}")
    page.wait_for_timeout(500)
    assert page.locator("#search-results li").count() == 0
    page.close()
    server.shutdown()
