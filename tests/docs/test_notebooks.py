"""The gallery: every source has both languages and readable files; what a cell shows is on its page."""

import json
import re

import pytest

from support.docs import DOCS, within_docs

SOURCES = sorted((DOCS / "gallery").glob("*.py"))


@pytest.fixture(scope="module")
def notebooks():
    with within_docs():
        import notebooks as module
    return module


def test_there_are_six_and_one_for_each_task_of_the_front_page():
    assert len(SOURCES) >= 6
    front = (DOCS / "index.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"generated/gallery/(\S+?)\.md", front)) - {"index"}
    assert {"7-loss-is-nan", "3-initial-weights", "4-optimizers"} <= linked
    assert linked <= {source.stem for source in SOURCES}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_source_says_the_same_in_both_languages_and_makes_a_file_for_jupyter(source, notebooks):
    cells = notebooks.read(source.read_text(encoding="utf-8"))
    kinds = [cell.kind for cell in cells]
    assert kinds.count("en") == kinds.count("ja") >= 1
    assert set(kinds) == {"en", "ja", "code"}
    code = [cell.text for cell in cells if cell.kind == "code"]
    for text in code:
        compile(text, source.name, "exec")
    for lang in ("en", "ja"):
        assert next(cell.text for cell in cells if cell.kind == lang).startswith("# ")
        made = json.loads(notebooks.notebook(cells, lang))
        assert ["".join(cell["source"]) for cell in made["cells"] if cell["cell_type"] == "code"] == code
        assert all(cell["outputs"] == [] for cell in made["cells"] if cell["cell_type"] == "code")
        pytest.importorskip("nbformat").validate(made)


def test_a_page_shows_what_its_cells_gave_in_its_language(notebooks, tmp_path):
    source = "# %% en\n# # Sum\n# %% ja\n# # 和\n# %%\nclass Shown:\n    def _repr_html_(self):\n"
    source += "        from koubai.words import say\n        return say('data.part.test')\n"
    source += "x = 2\nx + 3\n# %%\nShown()\n"
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.py").write_text(source, encoding="utf-8")
    notebooks.write_notebooks(tmp_path / "out", tmp_path / "in")
    pages = {
        lang: (tmp_path / "out" / folder / "gallery/a.md").read_text(encoding="utf-8")
        for lang, folder in (("en", ""), ("ja", "ja"))
    }
    assert pages["en"].startswith("# Sum")
    assert "<pre>5</pre>" in pages["en"]
    assert ">test<" in pages["en"]
    assert pages["ja"].startswith("# 和")
    assert ">テスト<" in pages["ja"]
    assert "[和](a.md)" in (tmp_path / "out/ja/gallery/index.md").read_text(encoding="utf-8")
    (tmp_path / "in/a.py").write_text("# %% en\n# # A\n# %% ja\n# # A\n# %%\n1 / 0\n", encoding="utf-8")
    with pytest.raises(ZeroDivisionError):
        notebooks.write_notebooks(tmp_path / "out", tmp_path / "in")
