"""What a Japanese learner reads when something goes wrong: no sentence of it is English."""

import gzip
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from koubai.words.system import reason

JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")
# Code a message may hold: quotes, brackets, paths, options, settings, names of classes, commands to type.
CODE = re.compile(
    r"""'[^']*'|"[^"]*"|\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}
    |\S*[/_.=\d]\S*|--\S+|\b[A-Z]\S*|pip\ install\ \S+|koubai(?:\ [a-z]+)?""",
    re.VERBOSE,
)
ENGLISH = re.compile(r"(?:[A-Za-z]+[;:]? +){2}[A-Za-z]+")  # names are listed with commas
SAID_BY_PYTHON = re.compile(r"実際: [A-Z]\w+(?:Error|File): ")
MLP = 'network = { type = "mlp", hidden = [8] }\n'
EXPERIMENT = f'[recipe]\ndata = "digits"\n{MLP}steps = 5\n'
MNIST = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx(shape, magic=None):
    head = magic if magic is not None else bytes([0, 0, 8, len(shape)])
    return head + b"".join(size.to_bytes(4, "big") for size in shape) + bytes(int(np.prod(shape)))


def mnist(**damaged):
    """Write files of MNIST's names; `damaged` gives the bytes of the training images or labels."""
    Path("data").mkdir()
    images, labels = damaged.get("images", idx((2, 28, 28))), damaged.get("labels", idx((2,)))
    for name, content in zip(MNIST, (images, labels, idx((2, 28, 28)), idx((2,))), strict=True):
        (Path("data") / name).write_bytes(content)


def stopped_run(koubai):
    koubai("train", "digits.toml", "--out", "run", "--steps", "2", "--engine", "reference")
    assert koubai.code == 0
    Path("run/result.json").unlink()


def edited(name, change):
    def prepare(koubai):
        stopped_run(koubai)
        path = Path("run") / name
        path.write_text(change(path.read_text()))

    return prepare


def file(text, name="bad.toml"):
    return lambda koubai: Path(name).write_text(text)


def npz(**arrays):
    return lambda koubai: np.savez("own.npz", **arrays)


DIGITS = f'data = "digits"\n{MLP}'
TRAIN = ("train", "bad.toml", "--engine", "reference")
ON_MNIST = ("train", "mnist.toml", "--data-dir", "data", "--engine", "reference")
RUN = ("run", "bad.toml")
OWN = ("train", "bad.toml", "--data-dir", ".", "--engine", "reference")
OWN_FILE = file(f'data = {{ type = "npz_file", path = "own.npz" }}\n{MLP}')


def both(*prepared):
    return lambda koubai: [prepare(koubai) for prepare in prepared]


ON_MNIST_FILE = file(f'data = "mnist"\n{MLP}', "mnist.toml")

CASES = {
    "a command that is not": (None, ("trian", "x.toml")),
    "an option that is not": (None, ("train", "digits.toml", "--stpes", "3")),
    "an option twice": (None, ("train", "digits.toml", "--steps", "3", "--steps", "4")),
    "an option without its value": (None, ("train", "digits.toml", "--steps")),
    "a value of another kind": (None, ("train", "digits.toml", "--steps", "many")),
    "a language that is not": (None, ("parts", "--lang=ja", "--lang", "fr")),
    "a layer misspelled": (file('data = "digits"\nnetwork = ["rleu"]'), TRAIN),
    "an activation misspelled": (file(f"{DIGITS}".replace("[8]", '[8], activation = "rleu"')), TRAIN),
    "an optimizer misspelled": (file(f'{DIGITS}optimizer = "adamm"'), TRAIN),
    "a setting misspelled": (file(f"{DIGITS}batch_sise = 3"), TRAIN),
    "a part's setting misspelled": (file(f'{DIGITS}optimizer = {{ type = "sgd", rate = 0.1 }}'), TRAIN),
    "a part without type": (file(f"{DIGITS}optimizer = {{ learning_rate = 0.1 }}"), TRAIN),
    "nothing but a network": (file('network = ["relu"]'), TRAIN),
    "a text for a number": (file(f'{DIGITS}steps = "100"'), TRAIN),
    "negative steps": (file(f"{DIGITS}steps = -1"), TRAIN),
    "a learning rate below zero": (
        file(f'{DIGITS}optimizer = {{ type = "sgd", learning_rate = -0.1 }}'),
        TRAIN,
    ),
    "a dropout of everything": (
        file('data = "digits"\nnetwork = ["flatten", { type = "dropout", ratio = 1 }]'),
        TRAIN,
    ),
    "one of several words": (file(f'{DIGITS}dtype = "float16"'), TRAIN),
    "a list of something else": (file(DIGITS.replace("[8]", '["a"]')), TRAIN),
    "a number or a list": (
        file('data = "digits"\nnetwork = [{ type = "conv2d", out_channels = 2, kernel = "big" }]'),
        TRAIN,
    ),
    "TOML that is none": (file(f"{DIGITS}optimizer = adam"), TRAIN),
    "TOML cut off": (file(f"{DIGITS}penalties = [1,"), TRAIN),
    "a file that is not text": (lambda koubai: Path("bad.toml").write_bytes(b"\xff\xfe"), TRAIN),
    "a file that is not there": (None, TRAIN),
    "a window too large": (None, ("summary", "alexnet", "--input", "3x10x10")),
    "an image where features belong": (
        file('data = "digits"\nnetwork = [{ type = "linear", out_features = 10 }]'),
        TRAIN,
    ),
    "features where an image belongs": (
        file('data = "digits"\nnetwork = ["flatten", { type = "conv2d", out_channels = 2, kernel = 3 }]'),
        TRAIN,
    ),
    "too few outputs": (
        file('data = "digits"\nnetwork = ["flatten", { type = "linear", out_features = 5 }]'),
        TRAIN,
    ),
    "early stopping without validation": (file(f"{DIGITS}early_stopping = {{ patience = 3 }}"), TRAIN),
    "groups that do not divide": (
        file('data = "digits"\nnetwork = [{ type = "conv2d", out_channels = 3, kernel = 3, groups = 2 }]'),
        TRAIN,
    ),
    "more samples than there are": (
        file(DIGITS.replace('"digits"', '{ type = "digits", train = 99999 }')),
        TRAIN,
    ),
    "a batch larger than the data": (file(f"{DIGITS}batch_size = 99999\nreplacement = false"), TRAIN),
    "an engine misspelled": (None, ("train", "digits.toml", "--engine", "natvie")),
    "no thread": (None, ("train", "digits.toml", "--threads", "0")),
    "a change that leads nowhere": (None, ("train", "digits.toml", "--set", "optimizer.rate=0.1")),
    "a change of a layer that is not": (None, ("train", "digits.toml", "--set", "network.9.out_features=3")),
    "a change inside a part that is not there": (
        None,
        ("train", "digits.toml", "--set", "early_stopping.patience=3"),
    ),
    "a change without value": (None, ("train", "digits.toml", "--set", "steps")),
    "a data folder that is not": (ON_MNIST_FILE, ON_MNIST),
    "a damaged archive": (
        both(ON_MNIST_FILE, lambda koubai: mnist(images=gzip.compress(idx((2, 28, 28)))[:-9])),
        ON_MNIST,
    ),
    "labels for images": (both(ON_MNIST_FILE, lambda koubai: mnist(images=idx((2,)))), ON_MNIST),
    "an image file cut off": (
        both(ON_MNIST_FILE, lambda koubai: mnist(images=idx((2, 28, 28))[:-5])),
        ON_MNIST,
    ),
    "an image file too long": (
        both(ON_MNIST_FILE, lambda koubai: mnist(images=idx((2, 28, 28)) + b"x")),
        ON_MNIST,
    ),
    "an .npz file that is none": (both(OWN_FILE, lambda koubai: Path("own.npz").write_bytes(b"text")), OWN),
    "an .npz file without targets": (both(OWN_FILE, npz(x=np.zeros((9, 2)))), OWN),
    "numbers that are not finite": (
        both(OWN_FILE, npz(x=np.full((9, 2), np.nan), t=np.zeros(9, np.int64))),
        OWN,
    ),
    "parts of different length": (both(OWN_FILE, npz(x=np.zeros((9, 2)), t=np.zeros(8, np.int64))), OWN),
    "no picture": (
        file(f'data = {{ type = "image_folder", path = "empty" }}\n{MLP}'),
        ("train", "bad.toml", "--data-dir", "."),
    ),
    "a resume of no run": (None, ("resume", "nowhere")),
    "a recipe changed under a run": (
        edited("recipe.toml", lambda text: text.replace("steps = 2", "steps = 3")),
        ("resume", "run"),
    ),
    "a run folder without its facts": (edited("run.json", lambda text: "{}"), ("resume", "run")),
    "a run folder with broken facts": (edited("run.json", lambda text: text[:-5]), ("resume", "run")),
    "a checkpoint of something else": (
        lambda koubai: [
            stopped_run(koubai),
            *(path.write_bytes(b"no tensors") for path in Path("run/checkpoints").glob("step-*")),
        ],
        ("resume", "run"),
    ),
    "a folder in the way": (
        lambda koubai: [stopped_run(koubai), shutil.copy("digits.toml", "run/recipe.toml")],
        ("train", "digits.toml", "--out", "run", "--set", "steps=41"),
    ),
    "an experiment misspelled": (None, ("run", "optimisers")),
    "an experiment on other data": (None, ("run", "optimizers", "--data", "minst")),
    "a negative number of seeds": (None, ("run", "optimizers", "--seeds", "-1")),
    "an experiment file that is not": (None, ("run", "mine.toml")),
    "an experiment without arms": (file(EXPERIMENT), RUN),
    "an experiment with a typo in an arm": (
        file(f'{EXPERIMENT}[axes.rate]\npath = "optimizer.lerning_rate"\nvalues = [0.1]'),
        RUN,
    ),
    "a value its place refuses": (
        file(f'{EXPERIMENT}[axes.width]\npath = "network.hidden"\nvalues = [[-1], "wide"]'),
        RUN,
    ),
    "a vary that cannot be read": (None, ("run", "optimizers", "--vary", "steps")),
    "a diagnosis misspelled": (None, ("explain", "dead_unitz")),
    "a patient that is not": (None, ("doctor", "nowhere")),
    "a report of nothing": (None, ("report", "nowhere")),
    "a format that is not": (None, ("export", "nowhere", "--to", "parket")),
    "a part misspelled": (None, ("parts", "lyers")),
    "a model misspelled": (None, ("summary", "alxnet")),
    "a shape that is none": (None, ("summary", "alexnet", "--input", "big")),
    "a contender misspelled": (None, ("bench", "--engine", "pytroch")),
}


def english_in(text: str) -> list[str]:
    """Return the lines of a text that hold three English words in a row outside of code.

    What Python or a library says stands behind the name of its exception, and stays English.
    """
    ours = [line for line in text.splitlines() if not SAID_BY_PYTHON.search(line)]
    return [line for line in ours if ENGLISH.search(CODE.sub("|", line))]


@pytest.mark.parametrize("name", CASES)
def test_an_error_is_told_in_japanese(koubai, name):
    prepare, words = CASES[name]
    if prepare is not None:
        prepare(koubai)
    koubai(*words, *() if "--lang=ja" in words else ("--lang", "ja"))
    assert koubai.code == 2, koubai.err
    assert koubai.err.count("エラー: ") == 1
    assert JAPANESE.search(koubai.err.partition("エラー: ")[2].splitlines()[0])
    assert not english_in(koubai.err)
    assert "Traceback" not in koubai.err


def test_the_judge_of_english_sees_it():
    assert english_in("対処: name another folder, then resume\n  場所: /tmp/x")
    assert not english_in(
        "対処: koubai resume run/a。または pip install 'koubai[torch]'\n 'not a name' はありません"
    )


def test_programs_get_the_same_words(koubai):
    error = json.loads(koubai("summary", "alexnet", "--input", "3x10x10", "--json", "--lang", "ja").out)[
        "error"
    ]
    assert error["message"] == "フィルタやプーリングの窓が、入力の高さに収まりません"
    assert error["where"] == "層 0 (Conv2d)"
    assert error["hint"].startswith("窓を 10 以下にするか")


def test_what_a_user_wrote_is_not_taken_for_words(koubai):
    koubai("resume", "network", "--lang", "ja")
    assert "場所: network\n" in koubai.err
    koubai("train", "digits.toml", "--steps", "more", "--lang", "ja")
    assert "実際: more\n" in koubai.err


def test_python_users_keep_the_english_text_in_any_locale(koubai, monkeypatch):
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    from koubai import Linear
    from koubai.core.errors import ShapeError

    with pytest.raises(ShapeError, match="takes one axis of features"):
        Linear(3).output_shape((1, 8, 8))
    assert reason(OSError(28, "No space left on device")) == "the disk is full"
