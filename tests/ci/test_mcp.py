"""`koubai mcp`, spoken to by the SDK's own client over stdio."""

import json
import sys
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters, stdio_client

from koubai.core.errors import KoubaiError
from koubai.mcp import child
from koubai.mcp.folder import below, check_data
from support.host import environment
from support.scripts import from_zero

SCRIPT = f"""
import sys
{from_zero("int(sys.argv[1])")}
print("a line that is no answer")
"""
RECIPE = """
steps = 60
batch_size = 50
data = "digits"
network = { type = "mlp", hidden = [8] }
optimizer = { type = "sgd", learning_rate = 0.001 }
"""


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "project"
    inside.mkdir()
    (inside / "train.py").write_text(SCRIPT)
    (inside / "recipe.toml").write_text(RECIPE)
    (inside / "slow.py").write_text("import time; time.sleep(60)")
    (tmp_path / "secret.py").write_text("print('never run')")
    (inside / "link.py").symlink_to(tmp_path / "secret.py")
    return inside


def asked(folder, *calls):
    """Ask the server one thing after another; return what it said, and whether each was an error."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "koubai.cli.process", "mcp", str(folder)],
        env=environment(KOUBAI_LANG="en"),
    )

    async def talk():
        async with Client(stdio_client(command)) as client:
            tools = (await client.list_tools()).tools
            answers = [await client.call_tool(name, values) for name, values in calls]
        return tools, [(each.is_error, each.content[0].text) for each in answers]

    return anyio.run(talk)


@pytest.mark.long
def test_an_agent_is_answered_with_evidence_and_trials(folder):
    tools, answers = asked(
        folder,
        ("doctor", {"target": "train.py", "arguments": ["200"]}),
        ("explain", {"name": "K006"}),
        ("explain", {"name": "勾配消失", "lang": "ja"}),
        ("compare", {"recipe": "recipe.toml", "changes": {"adam": {"optimizer": "adam"}}, "seeds": 3}),
    )
    assert {tool.name for tool in tools} == {"doctor", "explain", "compare"}
    assert all(len(tool.description) > 80 for tool in tools)
    assert [failed for failed, _ in answers] == [False] * 4
    assert max(len(text) for _, text in answers) < 12_000, "compact: an agent pays for each character"
    found, explained, japanese, compared = (json.loads(text) for _, text in answers)
    assert found["verdict"] == "findings"
    first = found["findings"][0]
    assert (first["code"], first["place"]["file"]) == ("K006", "train.py")
    assert first["place"]["line"] == 7
    assert first["evidence"][0]["threshold"] is not None
    assert first["trials"]
    assert "series" not in first
    assert "K006" in explained["findings"][0]["text"]
    assert "勾配" in japanese["terms"][0]["text"]
    arms = {arm["name"]: arm for arm in compared["arms"]}
    assert len(arms["adam"]["per_seed"]) == len(arms["unchanged"]["per_seed"]) == 3
    (difference,) = compared["comparisons"]
    assert (difference["arm"], difference["baseline"], difference["pairs"]) == ("adam", "unchanged", 3)
    wanted = arms["adam"]["mean"] - arms["unchanged"]["mean"]
    assert difference["difference"] == pytest.approx(wanted, abs=2e-3)
    assert difference["low"] <= difference["difference"] <= difference["high"]


HOSTILE = [
    ("doctor", {"target": "../secret.py"}, "outside the folder"),
    ("doctor", {"target": "link.py"}, "outside the folder"),
    ("doctor", {"target": "/etc/passwd"}, "outside the folder"),
    ("doctor", {"target": "train.py\0"}, "not a valid file name"),
    ("doctor", {"target": "x" * 5000}, "at most 4096"),
    ("doctor", {"target": "--lang"}, "no such file"),
    ("doctor", {"target": "os", "module": True}, "no such file"),
    ("doctor", {"target": "..secret", "module": True}, "not a valid file name"),
    ("doctor", {"target": "train.py", "arguments": ["x"] * 65}, "at most 64"),
    ("doctor", {"target": "slow.py", "time_limit": 2}, "out of time"),
    ("doctor", {"target": "train.py", "time_limit": 1e9}, "less than or equal to 3600"),
    ("explain", {"name": "x" * 201}, "at most 200"),
    ("explain", {"name": "K003", "lang": "fr"}, "pattern"),
    ("explain", {"name": "vanishing gradeint"}, "did you mean"),
    ("compare", {"recipe": "train.py", "changes": {"a": {"steps": 1}}}, "problems"),
    ("compare", {"recipe": "recipe.toml", "changes": {}}, "at least 1"),
    ("compare", {"recipe": "recipe.toml", "changes": {"a": {}}}, "nothing to compare"),
    ("compare", {"recipe": "recipe.toml", "changes": {"a": {"steps": None}}}, "cannot hold"),
    ("compare", {"recipe": "recipe.toml", "changes": {"a": {"optimizer.lr": 1}}}, "learning_rate"),
    ("compare", {"recipe": "recipe.toml", "changes": {"a": {"steps": 1}}, "seeds": 10**9}, "less than or"),
    (
        "compare",
        {"recipe": "recipe.toml", "changes": {"a": {"data": {"type": "npz_file", "path": "/etc/passwd"}}}},
        "outside the folder",
    ),
    ("compare", {"recipe": "recipe.toml", "changes": {"a": {"data.path": "../secret.py"}}}, "outside the"),
    ("nothing", {}, "nothing"),
]


def test_hostile_questions_get_one_short_error_each_and_the_server_lives_on(folder):
    _, answers = asked(
        folder, *((name, values) for name, values, _ in HOSTILE), ("explain", {"name": "K003"})
    )
    for (name, values, wanted), (failed, text) in zip(HOSTILE, answers[:-1], strict=True):
        assert failed, (name, values, text)
        assert wanted in text, (name, values, text)
        assert len(text) < 6_000
    assert not answers[-1][0]


def test_what_a_child_started_ends_with_it_and_what_it_prints_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "MOST_OUTPUT", 1000)
    listing = ["parts"]
    with pytest.raises(KoubaiError, match="more output"):
        anyio.run(child.answer, listing, tmp_path, 60.0)
    script = tmp_path / "forks.py"
    script.write_text("import subprocess, sys, time\nsubprocess.Popen(['sleep', '61.5'])\ntime.sleep(60)\n")
    with pytest.raises(KoubaiError, match="out of time"):
        anyio.run(child.answer, ["doctor", str(script)], tmp_path, 3.0)
    running = (
        [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")] if Path("/proc").is_dir() else []
    )
    assert not any(b"61.5" in words for words in running)


def test_paths_are_looked_at_wherever_they_stand_in_a_recipe(tmp_path):
    (tmp_path / "in.npz").touch()
    check_data(tmp_path, {"data": {"type": "npz_file", "path": "in.npz"}})
    for plain in ({"data": {"path": "/etc/hosts"}}, {"a": [{"b": {"path": ".."}}]}, {"data.path": "../x"}):
        with pytest.raises(KoubaiError):
            check_data(tmp_path, plain)
    assert below(tmp_path, "in.npz") == (tmp_path / "in.npz").resolve()


def test_a_child_that_hangs_is_ended_where_there_are_no_process_groups(folder, monkeypatch):
    """As on Windows, where `os` has no killpg."""
    monkeypatch.delattr("os.killpg")
    with pytest.raises(KoubaiError, match="out of time"):
        anyio.run(child.answer, ["doctor", "slow.py"], folder, 3.0)
