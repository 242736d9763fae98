"""Every text of every error that koubai raises is in the catalog, and the catalog holds no others."""

import errno
import gzip
import io
import json
import os
import re
import tarfile
import tempfile
import tomllib
import zipfile
import zlib

import numpy as np
import pytest

from koubai.cli.main import COMMANDS
from koubai.core.errors import ConfigError, KoubaiError, Problem, ShapeError, UnknownName
from koubai.core.memory import require
from koubai.lab.perform.store import Store
from koubai.train.plain import refusal
from koubai.train.recipe_file import read_recipe
from koubai.words import areas, entries
from koubai.words.retell import retold, templates_of
from koubai.words.system import advice, reason
from support.error_texts import GAP, Riddle, collect

JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")
WORD = re.compile(r"[A-Za-z]{2,}")
FOUND = collect()

# What is code, and so the same in every language.
CODE = {
    "--set optimizer.learning_rate=0.1",
    "--target COLUMN",
    "PATH=VALUE,VALUE,...",
    f"SHA-256 {GAP}",
    *(f"{GAP} {unit}" for unit in ("kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")),
    f"1 <= --seeds <= {GAP}",
    "dask scheduler; dask worker ADDRESS",
    "engine='reference'",
    f"floor(({GAP} + 2*{GAP} - {GAP}*({GAP} - 1) - 1) / {GAP}) + 1 >= 1",
    "low < high",
    "low <= high",
    "n >= 1, batch_size >= 1",
    'name = "wide"',
    "precision='float32'",
    "run.json | order.json",
    "threads >= 1",
    "void (char *, char *, int *, int *, int *, s *, s *, int *, s *, int *, s *, s *, int *)",
}
COMMAND = re.compile(rf"koubai ({'|'.join(COMMANDS)})\b[^,;]*|pip install \S+")  # to be typed as it is
# Arguments that no reading of the source can resolve, and why each is fine.
RIDDLES = {
    Riddle("core/registry.py", "__getitem__", "self.kind"),  # every Registry("kind") is read where it is made
    Riddle(
        "train/session.py", "_job", "recipe.loss.check(network.out_shape, self.dataset.classes)"
    ),  # read too
    Riddle("cli/usage.py", "usage_error", "error"),  # the parser of command lines: see tests/cli
}
TEXTS = sorted(
    text
    for text in FOUND.texts
    if WORD.search(text.replace(GAP, "")) and " " in text and text not in CODE and not COMMAND.fullmatch(text)
)


def english_in(text: str) -> bool:
    """Return whether three English words follow each other, outside of code in brackets and quotes."""
    plain = re.sub(
        r"(?:pip|apt) install \S+|'[^']*'|\"[^\"]*\"|\([^()]*\)|（[^（）]*）|\[[^\]]*\]", " ", text
    )
    return re.search(r"(?:\b[A-Za-z][a-z]+\b[ ,;:]+){2}[A-Za-z][a-z]+\b", plain) is not None


def test_the_source_is_read_as_far_as_can_be():
    assert FOUND.riddles == RIDDLES
    assert len(TEXTS) > 250
    assert {f"unknown layer {GAP}", "height", "the window does not fit the height"} & set(FOUND.texts)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.replace(GAP, "_"))
def test_every_text_of_an_error_is_in_the_catalogue(text):
    filled = text.replace(GAP, "7")
    assert templates_of(filled), (
        f"{FOUND.texts[text]} says {text.replace(GAP, '{...}')!r}: give it an entry in words/errors*.toml"
    )
    assert not english_in(retold(filled, "ja"))


def test_code_is_still_in_the_source():
    assert set(FOUND.texts) >= CODE


def raised(call) -> KoubaiError:
    with pytest.raises(KoubaiError) as caught:
        call()
    return caught.value


def stored_in_another_format(folder):
    (folder / "runs" / "a").mkdir(parents=True)
    (folder / "runs" / "a" / "result.json").write_text('{"format": 7}')
    return Store(folder)


def too_large() -> KoubaiError:
    parts = ("parameters", "gradients", "optimizer state", "activations", "workspace", "data")
    return raised(lambda: require({part: 10**20 + i for i, part in enumerate(parts)}, "network"))


def put_together(folder) -> list[str]:
    """Return texts that hold others: whole errors, problems, refusals."""
    whole = ShapeError(
        "no such folder", where="layer 1 (ReLU)", expected="an empty file", got=1, hint="remove it"
    )
    typo = UnknownName("layer", "rleu", ["relu"])
    problems = [Problem("a.b", typo.message, 3, typo.hint), Problem("", "expected 'a' or 'b', got 1")]
    return [
        str(whole),
        str(too_large()),
        "4 runs at once",
        "arm '0.1'",
        refusal(whole),
        str(ShapeError("no such folder", where="network (ReLU)")),
        "network (ReLU)",
        "layer 1 (ReLU)",
        "recipe has no setting 'steqs'",
        str(typo),
        str(ConfigError("x.toml", problems)),
        str(ConfigError("x.toml", problems[:1])),
        'expected "a" or "b", got 3',
        "lacks a, b; holds c too",
        " ".join(str(KoubaiError("oneDNN is not installed", hint="remove it")).split()),
        raised(lambda: stored_in_another_format(folder).load("a", "arm", 0)).message,
    ]


def test_what_is_put_together_is_told_whole(tmp_path):
    texts = put_together(tmp_path)
    assert retold(texts[0], "ja").split("\n") == [
        "層 1 (ReLU): そのようなフォルダはありません",
        "  期待: 空のファイル",
        "  実際: 1",
        "  対処: 削除してください",
    ]
    for text in texts:
        for line in retold(text, "ja").split("\n"):
            assert JAPANESE.search(line), line
            assert not english_in(line), line


def refused() -> list[str]:
    """Return what is said of all that the operating system may refuse."""
    errors = [OSError(number, os.strerror(number)) for number in errno.errorcode]
    return [text for error in errors for text in (reason(error), advice(error)) if text is not None]


def test_what_the_system_refuses_is_kept_in_english_and_told_whole_in_japanese(tmp_path, monkeypatch):
    monkeypatch.setenv("KOUBAI_LANG", "ja")
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    (tmp_path / "file").write_text("in the way")
    error = raised(Store(tmp_path / "file").check)
    assert error.message == "cannot write here: a part of this path is a file, not a folder"
    said = "ここに書き込めません: このパスの途中がフォルダではなくファイルです"
    assert retold(error.message) == retold(error.message, "ja") == said
    missing = raised(lambda: read_recipe(tmp_path / "none.toml")).problems[0]
    assert missing.message == "there is no such file or folder"
    assert retold(missing.message) == "そのようなファイルやフォルダはありません"
    assert retold(missing.hint).startswith("綴りと、今いるフォルダを確かめてください: ")


def test_every_entry_is_used(tmp_path):
    texts = [*(text.replace(GAP, "7") for text in FOUND.texts), *put_together(tmp_path), *refused()]
    used = frozenset().union(*map(templates_of, texts))
    known = {f"{area}.{name}" for area in areas() if area.startswith("errors") for name in entries(area)} - {
        f"errors_python.{name}" for name in SAID_BY_PYTHON
    }
    assert known - used == set(), "no error says this any more: remove it from words/errors*.toml"


# ------------------------------------------------------------------------------ what Python and libraries say

IDX = bytes([0, 0, 8, 1, 0, 0, 0, 2, 5, 6])


def zipped(name="a") -> bytearray:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(name, "hello")
    return bytearray(buffer.getvalue())


def unzip(data, wanted="a"):
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        file.read(wanted)


def spoiled(data: bytes, at: int, value: int = 0) -> bytes:
    copy = bytearray(data)
    copy[at] ^= value or 0xFF
    return bytes(copy)


def untar(data: bytes):
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as file:
        file.extractfile(file.next()).read()


def a_tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:") as file:
        info = tarfile.TarInfo("a")
        info.size = 2000
        file.addfile(info, io.BytesIO(bytes(2000)))
    return gzip.compress(buffer.getvalue()[:1000])


def picture(data: bytes):
    image = pytest.importorskip("PIL.Image")
    with image.open(io.BytesIO(data)) as file:
        file.load()


def cut_picture() -> bytes:
    image = pytest.importorskip("PIL.Image")
    buffer = io.BytesIO()
    image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()[:-400]


def tensors(data: bytes):
    from safetensors import safe_open

    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with safe_open(file.name, framework="np"):
            pass


def head(text: bytes, size: int | None = None) -> bytes:
    return (len(text) if size is None else size).to_bytes(8, "little") + text


SAID_BY_PYTHON = {
    "end_of_document": lambda: tomllib.loads("a = [1,"),
    "line_column": lambda: json.loads("[1,"),
    "toml.value": lambda: tomllib.loads("a = adam"),
    "toml.statement": lambda: tomllib.loads("= 1"),
    "toml.equals": lambda: tomllib.loads("a 1"),
    "toml.newline": lambda: tomllib.loads("a = 1 2"),
    "toml.table": lambda: tomllib.loads("[a"),
    "toml.tables": lambda: tomllib.loads("[[a]"),
    "toml.key": lambda: tomllib.loads("[!]"),
    "toml.character": lambda: tomllib.loads("# \x01"),
    "toml.illegal": lambda: tomllib.loads('a = "\x01"'),
    "toml.expected": lambda: tomllib.loads("a = '''x"),
    "toml.twice": lambda: tomllib.loads("[a]\n[a]"),
    "toml.overwrite": lambda: tomllib.loads("a = 1\na = 2"),
    "toml.immutable": lambda: tomllib.loads("a = [1]\n[[a]]"),
    "toml.redefine": lambda: tomllib.loads("[a.b]\nc.d = 1\n[a]\nb.c.e = 2"),
    "toml.inline_twice": lambda: tomllib.loads("a = {b = 1, b = 2}"),
    "toml.array": lambda: tomllib.loads("a = [1 2]"),
    "toml.inline": lambda: tomllib.loads("a = {b = 1\nc = 2}"),
    "toml.string": lambda: tomllib.loads('a = "x'),
    "toml.backslash": lambda: tomllib.loads('a = "C:\\data"'),
    "toml.hex": lambda: tomllib.loads('a = "\\u00zz"'),
    "toml.scalar": lambda: tomllib.loads('a = "\\ud800"'),
    "toml.date": lambda: tomllib.loads("a = 2024-02-30"),
    "json.value": lambda: json.loads("x"),
    "json.extra": lambda: json.loads("1 2"),
    "json.name": lambda: json.loads("{1: 2}"),
    "json.delimiter": lambda: json.loads("[1 2]"),
    "json.string": lambda: json.loads('["a'),
    "json.control": lambda: json.loads('["\x01"]'),
    "encoding": b"ab\xff".decode,
    "encoding.start": b"ab\xff".decode,
    "encoding.next": b"ab\xe3ab".decode,
    "gzip.not": lambda: gzip.decompress(IDX),
    "gzip.end": lambda: gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(IDX)[:-9])).read(),
    "gzip.sum": lambda: gzip.GzipFile(fileobj=io.BytesIO(spoiled(gzip.compress(IDX), -8))).read(),
    "gzip.inflate": lambda: zlib.decompress(b"xxxxxx"),
    "zip.not": lambda: unzip(IDX),
    "zip.sum": lambda: unzip(spoiled(zipped(), 31 + 1)),
    "zip.head": lambda: unzip(spoiled(zipped(), 0)),
    "tar.not": lambda: untar(IDX),
    "tar.end": lambda: untar(a_tar()),
    "npy.magic": lambda: np.lib.format.read_magic(io.BytesIO(IDX)),
    "picture.unknown": lambda: picture(IDX),
    "picture.cut": lambda: picture(cut_picture()),
    "safetensors.header": lambda: tensors(b"\1"),
    "safetensors.header_small": lambda: tensors(b"\1"),
    "safetensors.header_large": lambda: tensors(b"\xff" * 9),
    "safetensors.header_length": lambda: tensors(head(b"{}", 100)),
    "safetensors.json": lambda: tensors(head(b"{xx")),
    "safetensors.cut": lambda: tensors(head(b"{}") + b"rest"),
}


@pytest.mark.parametrize("name", [*entries("errors_python")])
def test_what_python_says_is_told_as_this_version_says_it(name):
    assert name in SAID_BY_PYTHON, "show here when Python says this"
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has exceptions of its own
        SAID_BY_PYTHON[name]()
    text = re.sub(r" \(at line \d+, column \d+\)$", "", str(caught.value))
    if f"errors_python.{name}" not in templates_of(text):
        pytest.skip(f"this version says {text!r}")
    said = retold(text, "ja")
    assert JAPANESE.search(said)
    assert not english_in(said)
