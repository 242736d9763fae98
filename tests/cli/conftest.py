import pytest

from koubai.cli.main import main
from koubai.cli.output import style
from koubai.words import set_language

RECIPE = """\
data = "digits"
steps = 40
batch_size = 20
optimizer = "adam"
network = ["flatten", { type = "linear", out_features = 8 }, "relu", { type = "linear", out_features = 10 }]
"""


class Terminal:
    """Calls the command line in this process and keeps what it printed."""

    def __init__(self, capsys):
        self._capsys = capsys

    def __call__(self, *words):
        self.code = main(words)
        self.out, self.err = self._capsys.readouterr()
        return self


@pytest.fixture
def koubai(capsys, tmp_path, monkeypatch):
    for name in ("KOUBAI_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.toml").write_text(RECIPE)
    yield Terminal(capsys)
    set_language(None)
    style.json = style.plain = False
