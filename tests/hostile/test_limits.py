"""What no machine holds is refused by every command, at once, with one error that says how much."""

import re
import time

import pytest

from koubai.cli.main import main
from koubai.core import memory
from support.marks import long

NET = 'network = ["flatten", { type = "linear", out_features = 10 }]\n'
MANY = ", ".join(['"relu"'] * 20_000)
RECIPES = {
    "width": 'data = "digits"\nnetwork = { type = "mlp", hidden = [9007199254740992] }\n',
    "batch": f'data = "digits"\nbatch_size = 10000000000\n{NET}',
    "padding": 'data = "digits"\nnetwork = [{ type = "conv2d", out_channels = 2, kernel = 3, '
    'padding = 20000 }, "flatten", { type = "linear", out_features = 10 }]\n',
    "data": f'data = {{ type = "moons", n = 1000000000000 }}\n{NET}',
    "layers": f'data = "digits"\nnetwork = ["flatten", {MANY}, {{ type = "linear", out_features = 10 }}]\n',
    "hidden layers": f'data = "digits"\nnetwork = {{ type = "mlp", hidden = [{"4, " * 20_000}] }}\n',
}
COMMANDS = ("train", "check", "run", "doctor")
SECONDS = 30  # of the processor: far more than any takes, far less than to begin with the work


@pytest.mark.parametrize("lang", ["en", *long("ja")])
@pytest.mark.parametrize("name", RECIPES)
def test_what_cannot_fit_is_refused_by_every_command(name, lang, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(memory, "machine_bytes", lambda: 16 * 10**9)
    monkeypatch.chdir(tmp_path)
    axis = '[axes.rate]\npath = "optimizer.learning_rate"\nvalues = [0.1, 0.2]\n'
    (tmp_path / "recipe.toml").write_text(RECIPES[name])
    (tmp_path / "experiment.toml").write_text(f"seeds = 2\n[recipe]\n{RECIPES[name]}{axis}")
    for command in COMMANDS:
        file = "experiment.toml" if command in ("check", "run") else "recipe.toml"
        began = time.process_time()
        assert main([command, file, "--threads", "1", "--lang", lang]) == 2
        assert time.process_time() - began < SECONDS
        told = capsys.readouterr().err
        assert "Traceback" not in told
        if "layers" in name:
            assert re.search("too many layers" if lang == "en" else "層が多すぎます", told)
        else:
            assert re.search("16 GB" if lang == "en" else "16 GB 以下", told)
            assert re.search("[TPE]B in all" if lang == "en" else "合計 .*[TPE]B", told)


def test_whoever_allows_it_is_not_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(memory, "machine_bytes", lambda: 10**5)
    (tmp_path / "recipe.toml").write_text(f'data = "digits"\nsteps = 2\n{NET}')
    words = ["train", str(tmp_path / "recipe.toml"), "--out", str(tmp_path / "out"), "--engine", "reference"]
    assert main(words) == 2
    assert "--allow-memory" in capsys.readouterr().err
    assert main([*words, "--allow-memory"]) == 0


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_memory_that_was_not_enough_is_told(lang, capsys, monkeypatch):
    def too_much(words):
        raise MemoryError

    monkeypatch.setattr("koubai.cli.main._run", too_much)
    assert main(["parts", "--lang", lang]) == 2
    told = capsys.readouterr().err
    assert ("The memory was not enough" if lang == "en" else "メモリが足りなくなり") in told


def test_names_cannot_command_a_terminal(tmp_path, capsys):
    name = "\x1b[31m\x07red\u202e.toml"
    assert main(["train", str(tmp_path / name)]) == 2
    told = capsys.readouterr().err
    assert r"\x1b[31m\x07red\u202e.toml" in told
    assert not {"\x1b", "\x07", "\u202e"} & set(told)
