"""Every door through which koubai takes files or text, each with what comes through it made hostile.

A door takes a generator and a folder of its own, makes one input and hands it to koubai. It may return, or
raise an error of koubai; whatever else happens is judged by `inputs.py`.
"""

import contextlib
import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import koubai
from hostile import mutate, valid
from koubai.cli.changes import edited
from koubai.cli.main import main
from koubai.core.errors import KoubaiError
from koubai.data import NpzFile
from koubai.data.idx import read_idx
from koubai.lab.declare.experiment_file import read_experiment
from koubai.lab.declare.vary import parse_vary
from koubai.lab.order import Order
from koubai.lab.perform.store import Store
from koubai.probes.history import History
from koubai.report.export import export
from koubai.report.export.rows import Curves
from koubai.train.folder import RunFolder
from koubai.train.history_file import Lines
from koubai.train.manifest import MANIFEST, FileEntry, Manifest, sealed
from koubai.train.recipe import Recipe
from koubai.train.safe_folder import SafeFolder

EXIT_CODES = {
    0,
    2,
    3,
    4,
}  # done, refused, findings, not judged: koubai.cli.failures, koubai.cli.commands.doctor


class Wrong(Exception):
    """A result that is neither a success nor an error told as such."""


# ------------------------------------------------------------------------------------------- texts


def recipe_text(rng: Random, home: Path) -> None:
    """A recipe: what is taken must come back from its own file as the same recipe."""
    recipe = Recipe.from_toml(mutate.text(rng, rng.choice(valid.recipes()), valid.words()) + "\n")
    if Recipe.from_toml(recipe.to_toml(full=True)).hash != recipe.hash:
        raise Wrong("the recipe is another after it was written and read")


def recipe_file(rng: Random, home: Path) -> None:
    """The bytes of a recipe's file."""
    (home / "a.toml").write_bytes(mutate.data(rng, rng.choice(valid.recipes()).encode()))
    Recipe.from_toml(home / "a.toml")


def experiment_text(rng: Random, home: Path) -> None:
    """A file of an experiment."""
    read_experiment(mutate.text(rng, rng.choice(valid.experiments()), valid.words()) + "\n")


def settings_text(rng: Random, home: Path) -> None:
    """What stands behind --set and --vary."""
    path = rng.choice(
        ("optimizer.learning_rate", "network.layers.1", "data", "steps", rng.choice(valid.words()))
    )
    said = mutate.text(rng, f"{path}={rng.choice(mutate.TOML_VALUES)}", valid.words())
    if rng.random() < 0.5:
        edited(Recipe.from_toml(valid.recipes()[0]), [said])
    else:
        parse_vary(said)


def names_in_csv(rng: Random, home: Path) -> None:
    """Names of arms and layers on their way into a spreadsheet."""
    name = "".join(rng.choices(mutate.LETTERS + "=+-@", k=rng.randrange(6))) + rng.choice(
        ("", "1", "=1", "-2.5", "x")
    )
    history = History()
    history.add(1, name, name, -0.5)
    with export([Curves(name, 0, history)], home / "a.csv", "csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    cells = [cell for row in rows for cell in row]
    if len(rows) != 2 or len(cells) != 12 or cells[-1] != "-0.5":
        raise Wrong("the table has another form")
    if any(cell[:1] in {"=", "+", "-", "@", "\t", "\r"} and not _is_number(cell) for cell in cells):
        raise Wrong("a cell begins a formula")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


# ------------------------------------------------------------------------------------------- files of data


def npz(rng: Random, home: Path) -> None:
    """An .npz file; damaged where it is packed, or inside."""
    (home / "a.npz").write_bytes(mutate.data(rng, valid.npz()))
    NpzFile(str(home / "a.npz")).load()


def idx(rng: Random, home: Path) -> None:
    """An IDX file."""
    (home / "a").write_bytes(mutate.data(rng, valid.idx_images()))
    read_idx(home / "a", (3, 3))


# ------------------------------------------------------------------------------------- written by koubai


def history_line(rng: Random, home: Path) -> None:
    """A line of a history; it says ValueError of what is none."""
    line = mutate.json_bytes(rng, json.loads(valid.history_line())).decode("utf-8", "replace")
    with contextlib.suppress(ValueError):
        History().add_json(line)


def _damaged(rng: Random, sound: Path, home: Path) -> Path:
    """Return a copy of a folder with one file damaged; sometimes by somebody who knows the checks."""
    folder = home / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sound, folder)
    file = rng.choice(sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".html"))
    content, forged = file.read_bytes(), rng.random() < 0.6
    if file.suffix == ".json":
        said = json.loads(content)
        wrong = mutate.plain(rng, said) if isinstance(said, dict) else said
        if forged and isinstance(wrong, dict):
            with contextlib.suppress(ValueError):  # no JSON: surrogates
                content = json.dumps(sealed({k: v for k, v in wrong.items() if k != "check"})).encode()
        else:
            content = mutate.json_bytes(rng, said)
    elif file.suffix == ".toml":
        content = mutate.text(rng, content.decode(), valid.words()).encode("utf-8", "surrogatepass")
    elif file.name == "history.jsonl" and forged:
        lines = [json.loads(line) for line in content.splitlines()]
        for line in lines:
            line.pop("check", None)
        told, written = mutate.plain(rng, lines), Lines()
        bodies = [json.dumps(line).encode() for line in (told if isinstance(told, list) else [told])]
        content = b"".join(written.add(body) for body in bodies)
    else:
        content = mutate.data(rng, content)
    file.write_bytes(content)
    if forged and file.name != MANIFEST and (file.parent / MANIFEST).exists():
        place = SafeFolder(file.parent)
        files = Manifest.read(place).files
        Manifest({**files, file.name: FileEntry.of(content)}).write(place)
    return folder


def run_folder(rng: Random, home: Path) -> None:
    """A run's folder of which one file is not what it was."""
    folder = RunFolder(_damaged(rng, valid.run_folder(home), home))
    look = rng.choice(
        (lambda: folder.settings, lambda: folder.result, folder.history, lambda: folder.recipe, None)
    )
    if look is None:
        trained = koubai.load(folder.path)
        assert trained.weights is not None
    else:
        look()


def run_commands(rng: Random, home: Path) -> None:
    """The commands that read such a folder."""
    folder = _damaged(rng, valid.run_folder(home), home)
    command = rng.choice((["report"], ["export"], ["export", "--to", "parquet"], ["resume"], ["verify"]))
    _command(rng, [*command, str(folder)])


def experiment_folder(rng: Random, home: Path) -> None:
    """An experiment's folder."""
    folder = _damaged(rng, valid.experiment_folder(home), home)
    order = Order.read(folder)
    order.result(folder)
    for key in sorted(path.name for path in (folder / "runs").iterdir()):
        Store(folder).load(key, "arm", 0)


def experiment_commands(rng: Random, home: Path) -> None:
    """The commands that read an experiment's folder."""
    folder = _damaged(rng, valid.experiment_folder(home), home)
    _command(rng, [rng.choice(("report", "export", "verify")), str(folder)])


def tensors(rng: Random, home: Path) -> None:
    """A file of weights beside a sound recipe."""
    source = valid.run_folder(home) / "model.safetensors"
    shutil.copy(source.with_name("recipe.toml"), home / "net.toml")
    (home / "net.safetensors").write_bytes(mutate.data(rng, source.read_bytes()))
    koubai.load(home / "net.safetensors")


# ------------------------------------------------------------------------------------------- commands


def _command(rng: Random, words: list[str]) -> None:
    words = [*words, *rng.choice(([], ["--json"], ["--plain"], ["--lang", "ja"]))]
    code = main(words)
    if code not in EXIT_CODES:
        raise Wrong(f"exit code {code} of {words}")


_STRANGE = (
    *(
        "",
        "-",
        "--",
        "-1",
        "-x",
        "=",
        "a=b",
        "*",
        "~",
        "nan",
        "1e999",
        "9" * 30,
        "x" * 5000,
        "/dev/null",
        "勾配",
    ),
    *("--help", "--version", "--lang", "--out", "--json=1", "--allow-memory", "\0", "\ud800", "\x1b[31m"),
)


def arguments(rng: Random, home: Path) -> None:
    """Words of a command line: no command that would train."""
    sound = rng.choice(
        (
            ["explain", "vanishing_gradient"],
            ["explain", "勾配消失", "--out", str(home / "page.html")],
            ["parts", "layers"],
            ["models"],
            ["summary", "lenet"],
            ["schema"],
            ["new", str(home / "new.toml")],
            ["check", "nothing.toml", "--threads", "1"],
            ["train", str(home / "nothing.toml"), "--set", "steps=1", "--steps", "1", "--seed", "0"],
            ["run", str(home / "nothing.toml"), "--seeds", "2", "--vary", "steps=1,2"],
            ["report", str(home), "--out", str(home / "r.html")],
            ["export", str(home), "--to", "csv"],
            ["resume", str(home / "none")],
            ["doctor", str(home / "none"), "--seeds", "2", "--fail-on", "warn"],
        )
    )
    words = list(sound)
    for _ in range(rng.choice((1, 1, 2))):
        at, how = rng.randrange(1, len(words) + 1), rng.randrange(4)
        strange = rng.choice(_STRANGE)
        if how == 0 and at < len(words):
            words[at] = strange
        elif how == 1:
            words.insert(at, strange)
        elif how == 2 and at < len(words):
            del words[at]
        else:
            words = [
                mutate.text(rng, word, valid.words()) if i == at else word for i, word in enumerate(words)
            ]
    with contextlib.chdir(home):
        _command(rng, words)


def train(rng: Random, home: Path) -> None:
    """`koubai train` of a recipe whose values are strange; most are refused, the others train a few steps."""
    shutil.rmtree(home / "out", ignore_errors=True)
    (home / "a.toml").write_text(_taken(rng, valid.recipes(), Recipe.from_toml), encoding="utf-8")
    engine = rng.choice(("reference", "reference", "native"))
    words = ["train", str(home / "a.toml"), "--out", str(home / "out"), "--engine", engine, "--steps", "2"]
    _command(rng, words)


def check_and_run(rng: Random, home: Path) -> None:
    """`koubai check` and `koubai run` of an experiment whose values are strange."""
    shutil.rmtree(home / "out", ignore_errors=True)
    (home / "a.toml").write_text(_taken(rng, valid.experiments(), read_experiment), encoding="utf-8")
    end = ["--engine", "reference", "--threads", "1"]
    if rng.random() < 0.5:
        _command(rng, ["check", str(home / "a.toml"), *end])
    else:
        words = [
            "run",
            str(home / "a.toml"),
            "--out",
            str(home / "out"),
            "--steps",
            "2",
            "--seeds",
            "1",
            *end,
        ]
        _command(rng, words)


def _taken(rng: Random, sound: tuple[str, ...], read: Callable[[str], object]) -> str:
    """Return a strange text that is taken all the same, if one comes soon; others have their own doors."""
    for _ in range(20):
        text = mutate.text(rng, rng.choice(sound), valid.words()) + "\n"
        try:
            text.encode()
            read(text)
        except (KoubaiError, UnicodeEncodeError):
            continue
        return text
    return "\n"


# name -> (door, how many of a million inputs come to it)
DOORS: dict[str, tuple[Callable[[Random, Path], None], int]] = {
    "recipe": (recipe_text, 120_000),
    "recipe file": (recipe_file, 130_000),
    "experiment": (experiment_text, 120_000),
    "--set, --vary": (settings_text, 50_000),
    "history line": (history_line, 300_000),
    "npz": (npz, 70_000),
    "idx": (idx, 90_000),
    "safetensors": (tensors, 20_000),
    "run folder": (run_folder, 15_000),
    "experiment folder": (experiment_folder, 3_000),
    "names in CSV": (names_in_csv, 79_000),
    "arguments": (arguments, 1_800),
    "report, export, resume, verify": (run_commands, 500),
    "report, export of an experiment": (experiment_commands, 200),
    "train": (train, 350),
    "check, run": (check_and_run, 150),
}
