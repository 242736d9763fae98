"""A teacher: a question for the class as a file, a report to project, a sheet of questions, a run."""

import io
import json
import shutil
import sys
from pathlib import Path

from koubai.cli.main import main

EXPERIMENT = """
question = { en = "Does a wider layer learn better?", ja = "層を広くするとよく学習しますか" }
seeds = 5

[recipe]
data = "digits"
network = { type = "mlp", hidden = [4] }
optimizer = { type = "adam", learning_rate = 0.01 }
steps = 60

[[arms]]
name = "narrow"

[[arms]]
name = "wide"
edits = { network.hidden = [64] }

[[claims]]
arm = "wide"
over = "narrow"
"""
Path("width.toml").write_text(EXPERIMENT, encoding="utf-8")


def said(*words, code=0):
    """Run a command as in the shell; return what it printed."""
    kept, sys.stdout = sys.stdout, io.StringIO()
    try:
        assert main(list(words)) == code
        return sys.stdout.getvalue()
    finally:
        sys.stdout = kept


# Before the lecture: is the file right, and how long will it take?
assert "2 arms x 5 seeds" in said("--lang", "en", "check", "width.toml")

# In the lecture, in the language of the class; the page opens without a network.
told = said("--lang", "ja", "run", "width.toml", "--out", "runs", "--threads", "2")
assert "層を広くするとよく学習しますか" in told
page = Path("runs/report.html").read_text(encoding="utf-8")
assert '<html lang="ja"' in page
assert "層を広くするとよく学習しますか" in page

# The same runs told in English, without training again.
result = json.loads(said("--lang", "en", "--json", "run", "width.toml", "--out", "runs"))
assert result["verdicts"][0]["outcome"] in ("supported", "not supported", "cannot tell yet")
assert result["comparisons"][0]["pairs"] == 5
assert "wide" in result["verdicts"][0]["text"]

# Questions on paper: the same number draws the same sheet.
sheet = said("--json", "quiz", "--count", "3", "--seed", "7")
assert sheet == said("--json", "quiz", "--count", "3", "--seed", "7")

# A run for the students to examine: a folder that can be copied.
recipe = 'data = "digits"\nnetwork = { type = "mlp", hidden = [8] }\nsteps = 40\n'
Path("recipe.toml").write_text(recipe, encoding="utf-8")
said("train", "recipe.toml", "--out", "handout")
shutil.move("handout", "copied")
said("verify", "copied")
said("report", "copied", "-o", "copied.html")
assert Path("copied.html").stat().st_size > 10_000
