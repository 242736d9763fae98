"""One lesson as one file: it opens without a server, asks for nothing, and shows runs that were recorded.

The page's own modules are put into one script, each in a function of its own, so nothing has to be built or
written twice. The file's policy allows that script and its style sheet by their hashes, and no request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from koubai.core.errors import RunError
from koubai.lab.start import run
from koubai.page import texts
from koubai.page.event import Event
from koubai.page.lesson_job import guess_facts, more_of, run_event, trace_event
from koubai.report.html import write_text
from koubai.study.lessons import Lesson
from koubai.study.lessons.lesson import SEEDS, slid
from koubai.words import LANGUAGES, language

_FILES = files("koubai.page") / "files"
_DRAWS = 12  # times each question is drawn
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function|const|class) (\w+)", re.MULTILINE)


def write_lesson(lesson: Lesson, path: Path, store: Path | None = None) -> Path:
    """Make a lesson's runs, or take them from a store, and write it to a file.

    Raises:
        KoubaiError: a run failed, or the file cannot be written.
    """
    return write_text(page(lesson, recorded(lesson, store)), path)


def recorded(lesson: Lesson, store: Path | None = None) -> list[Event]:
    """Return the events of a lesson's runs, as the server would send them."""
    result = run(lesson.experiment(range(SEEDS)), out=store)
    runs = list(result.runs)
    failure = next((one.failure for one in runs if one.failure is not None), None)
    if failure is not None or result.pending:
        raise RunError("lesson_has_unfinished_runs", where=lesson.registry_name, got=failure)
    beside = lesson.beside(range(SEEDS))
    more = list(run(beside, out=store).runs) if beside is not None else []
    counted = {"kind": "progress", "done": len(runs), "reused": 0, "total": len(runs), "running": []}
    return [
        *(run_event(lesson, one) for one in runs),
        counted,
        trace_event(lesson),
        guess_facts(lesson, runs),
        *more_of(lesson),
        *([{"kind": "slid", "slid": slid(more, lesson)}] if more else []),
        {"kind": "end", "stopped": False},
    ]


def page(lesson: Lesson, events: list[Event]) -> str:
    """Return the whole file."""
    name = lesson.registry_name
    data = {
        "lesson": name,
        "lang": language(),
        "lessons": [next(card for card in texts.cards() if card["name"] == name)],
        "words": {lang: _own(texts.page_words(lang), name) for lang in LANGUAGES},
        "questions": {
            question: [texts.question(question, seed) for seed in range(_DRAWS)]
            for question in lesson.questions
        },
        "events": events,
    }
    style, script = _FILES.joinpath("page.css").read_text(encoding="utf-8"), bundle()
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:"
    shell = _FILES.joinpath("index.html").read_text(encoding="utf-8")
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>\n'
        f'<link rel="icon" href="data:,">'
    )
    shell = re.sub(r'<link rel="icon".*</script>\n', lambda _: head + "\n", shell, flags=re.DOTALL)
    end = (
        f'<script type="application/json" id="recorded">{_json(data)}</script>\n'
        f'<script type="module">{script}</script>\n</body>'
    )
    return shell.replace("</body>", end).replace('lang="en"', f'lang="{language()}"', 1)


def bundle() -> str:
    """Return all modules that main.js needs as one script, those that are needed first in front."""
    found: dict[str, str] = {}

    def add(name: str) -> None:
        if name in found:
            return
        source = _FILES.joinpath(f"{name}.js").read_text(encoding="utf-8")
        for _, needed in _IMPORT.findall(source):
            add(needed)
        exports = [exported for _, exported in _EXPORT.findall(source)]
        body = _EXPORT.sub(r"\1 \2", _IMPORT.sub(r"const {\1} = module_\2;\n", source))
        found[name] = f"const module_{name} = (() => {{\n{body}return {{ {', '.join(exports)} }};\n}})();\n"

    add("main")
    return "".join(found.values())


def _own(words: dict[str, str], name: str) -> dict[str, str]:
    """Return the words of the page and of one lesson."""
    return {key: text for key, text in words.items() if key.startswith(("page.", f"lessons.{name}."))}


def _json(data: Any) -> str:
    """Return JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
