"""A student: asks what a word means, is quizzed, changes one thing in Python and looks again."""

import io
import json
import sys
from pathlib import Path

import koubai as kb
from koubai.cli.main import main


def said(*words):
    """Run a command as in the shell; return what it printed."""
    kept, sys.stdout = sys.stdout, io.StringIO()
    try:
        assert main(["--lang", "ja", *words]) == 0
        return sys.stdout.getvalue()
    finally:
        sys.stdout = kept


# The words of the lecture, in the student's language; the finding by the word of the notes.
assert "勾配" in said("explain", "勾配消失")
assert "シグモイド" in said("explain", "シグモイド")

# A question with its answer, which differs the next time.
first, second = (json.loads(said("quiz", "--json", "--count", "2", "--seed", str(seed))) for seed in (1, 2))
assert len(first) == 2
assert first != second

# A lesson as one file, to be read on the train.
said("lesson", "vanishing_gradient", "-o", "lesson.html")
page = Path("lesson.html").read_text(encoding="utf-8")
assert "勾配" in page
assert "https://" not in page.split("<body")[0], "it opens offline"

# Their own try: too deep with the sigmoid, then what the doctor advises.
deep = kb.Mlp(hidden=(40,) * 10, activation="sigmoid")
run = kb.fit(deep, kb.data.digits(), optimizer=kb.SGD(0.1), steps=150, progress=False)
assert run.scores["test"].accuracy < 0.3
(finding, *_) = run.findings
assert finding.name == "vanishing_gradient"
assert "K003" in said("explain", finding.code)
deep = kb.Mlp(hidden=(40,) * 10, activation="relu")
again = kb.fit(deep, kb.data.digits(), optimizer=kb.Adam(0.003), steps=150, progress=False)
assert again.scores["test"].accuracy > 0.8
