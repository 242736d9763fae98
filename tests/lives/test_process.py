"""The command in a real process: closed, full and narrow streams end nothing; Ctrl-C, no traceback."""

import random
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from pydantic_core import SchemaError

from koubai.train import schema
from support.host import environment
from support.marks import long

RECIPE = """
steps = STEPS
batch_size = 20
data = "digits"
network = ["flatten", { type = "linear", out_features = 10 }]
"""
COMMAND = [sys.executable, "-m", "koubai.cli.process"]
# Whoever runs the tests in the background ignores Ctrl-C, and children inherit that.
HEARING = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a shell and /dev/full")


def shell(folder, line, **more):
    (folder / "r.toml").write_text(RECIPE.replace("STEPS", "60"))
    text = f'koubai() {{ {sys.executable} -m koubai.cli.process "$@"; }}; {line}'
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run(
        ["bash", "-c", text], check=False, cwd=folder, timeout=120, env=environment(**more), **streams
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("koubai train r.toml --out run --engine reference >&- 2>&- <&-", 0),
        *long(
            ("koubai train r.toml --out run --engine reference 2>/dev/full", 0),
            ("koubai train r.toml --out run --engine reference >/dev/full", 2),
            ("koubai train r.toml --out run --engine reference | true; exit ${PIPESTATUS[0]}", 0),
        ),
    ],
)
def test_a_stream_that_takes_nothing_ends_no_run(tmp_path, line, code):
    done = shell(tmp_path, line)
    assert done.returncode == code, done.stderr
    assert (tmp_path / "run/result.json").exists()
    assert b"Traceback" not in done.stderr
    assert (b"disk is full" in done.stderr) == ("/dev/full" in line and code == 2)


@pytest.mark.parametrize("how", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}])
def test_japanese_on_a_terminal_of_few_letters_is_escaped(tmp_path, how):
    more = how | {"PYTHONUTF8": "0"}
    done = shell(tmp_path, "koubai --lang ja explain vanishing-gradient; koubai --lang ja nothing", **more)
    assert done.returncode == 2
    assert b"\\u52fe\\u914d" in done.stdout
    assert done.stderr.isascii()
    assert b"Traceback" not in done.stderr + done.stdout


def test_ctrl_c_while_pydantic_builds_is_ctrl_c(monkeypatch):
    class Broken:
        def __init__(self, hint):
            raise SchemaError(f"Error building `literal` serializer:\n{self.said}")

    for Broken.said, expected in (("KeyboardInterrupt: ", KeyboardInterrupt), ("no such type", SchemaError)):
        monkeypatch.setattr(schema, "TypeAdapter", Broken)
        with pytest.raises(expected):
            schema.read_plain(tuple[int, bool, str], [1, True, "a"])


@pytest.mark.long
def test_two_ctrl_c_at_any_moment_show_no_traceback(tmp_path):
    (tmp_path / "r.toml").write_text(RECIPE.replace("STEPS", "1_000_000_000"))
    moments = random.Random(3)
    for number in range(6):
        words = [*COMMAND, "train", "r.toml", "--out", f"run{number}", "--engine", "reference"]
        process = subprocess.Popen(
            words, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE,
            preexec_fn=HEARING,  # noqa: PLW1509 -- there are no threads
        )  # fmt: skip
        time.sleep(0.1 + 2.5 * number / 6 + moments.uniform(0, 0.3))
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(moments.uniform(0.001, 0.05))
        out, errors = process.communicate(timeout=60)
        assert b"Traceback" not in out + errors, errors.decode()
        assert process.returncode in (
            130,
            -signal.SIGINT,
        )  # while Python ends it is the system's: 130 in a shell


def test_further_ctrl_c_do_not_wait_for_anything():
    code = "import os, signal, time\nfrom koubai.cli import streams\nstreams.prepare()\n"
    code += (
        "for _ in range(2):\n    try:\n        os.kill(os.getpid(), signal.SIGINT)\n        time.sleep(9)\n"
    )
    code += "    except KeyboardInterrupt:\n        print('first', flush=True)\n"
    streams = {"capture_output": True, "env": environment(), "timeout": 60}
    done = subprocess.run([sys.executable, "-c", code], check=False, preexec_fn=HEARING, **streams)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"first\n", b"")
