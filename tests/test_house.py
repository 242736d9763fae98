"""Files and functions stay short enough to be read at once."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SEALED = ROOT / "benchmarks/koubai_benchmarks/doctor/programs"  # as other people write
FILES = [
    path
    for folder in ("src/koubai", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if SEALED not in path.parents
]
MOST_LINES, MOST_OF_A_FUNCTION = 300, 60


def own_lines(function):
    """Return how many lines of a function are its own: those of functions and classes inside do not count."""
    inside = [
        node
        for child in ast.iter_child_nodes(function)
        for node in ast.walk(child)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    taken = {line for node in inside for line in range(node.lineno, node.end_lineno + 1)}
    return sum(line not in taken for line in range(function.lineno, function.end_lineno + 1))


def long_functions(text):
    """Return the functions of a source that are too long, with how many lines they have."""
    return {
        node.name: lines
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := own_lines(node)) > MOST_OF_A_FUNCTION
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_and_no_function_is_too_long(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert long_functions(text) == {}


def test_what_is_too_long_is_found():
    body = "    x = 1\n" * MOST_OF_A_FUNCTION
    inner = "    def inner():\n        pass\n"
    assert long_functions(f"def f():\n{body}") == {"f": MOST_OF_A_FUNCTION + 1}
    assert long_functions(f"def f():\n{inner}{body[:-10]}") == {}


def test_no_text_has_a_word_that_stops_a_reader():
    """`scripts/check` asks the same of more files; each line of the list has the better word."""
    lines = (ROOT / "scripts/plain-words.txt").read_text(encoding="utf-8").splitlines()
    better = dict(line.split("->") for line in lines)
    assert all(better.values())
    word = re.compile(rf"\b(?:{'|'.join(better)})\b", re.IGNORECASE)
    assert word.search(f"It is so, {next(iter(better))} not.")
    texts = [
        *(ROOT / "src/koubai").rglob("*.py"),
        *(ROOT / "src/koubai").rglob("*.toml"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs/experiments").glob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    ]
    found = {
        f"{path.relative_to(ROOT)}: {hit[0]}"
        for path in texts
        for hit in word.finditer(path.read_text(encoding="utf-8"))
    }
    assert not found


# Folders whose classes have the name of what they are about; elsewhere the name may stand once more.
NAMED_AFTER_THEIR_SUBJECT = {
    "lab/experiments": "an entry of the catalog has the name of what it tries: `koubai run dropout`",
    "study/lessons": "a lesson has the name of what it is about",
    "engines/native/kernels": "a kernel's record has the name of the layer it computes, so one finds both",
    "exchange/torch_modules.py": "the same layer, as a module of PyTorch",
}
ONE_THING_IN_SEVERAL_PLACES = {
    "ConvolveOp": "one verb, on each backend",
    "LinearOp": "one verb, on each backend and by our own kernels",
    "Run": "koubai.Run is the run of `train` with what the floors above can say of it",
    "Watch": "one callback, in the form of each framework; all make the Watch of the doctor",
}


def names_of_types():
    """Return where each class and each alias of a type is written, by its name; inner classes count, too."""
    places = {}
    for path in sorted((ROOT / "src/koubai").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = path.relative_to(ROOT / "src/koubai").as_posix()
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(place)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                name = target.id if isinstance(target, ast.Name) else ""
                if re.fullmatch("[A-Z][A-Za-z]*[a-z][A-Za-z]*", name) and "TypeVar(" not in ast.unparse(node):
                    places.setdefault(name, []).append(place)
    return places


def shared_names(places):
    """Return the names that stand for two things, with where they do."""

    def folder_of(place):
        return next((folder for folder in NAMED_AFTER_THEIR_SUBJECT if place.startswith(folder)), "")

    return {
        name: found
        for name, found in places.items()
        if len({folder_of(place) for place in found}) < len(found) and name not in ONE_THING_IN_SEVERAL_PLACES
    }


def test_the_name_of_a_type_stands_for_one_thing():
    places = names_of_types()
    assert shared_names(places) == {}
    assert {name for name in ONE_THING_IN_SEVERAL_PLACES if len(places.get(name, ())) < 2} == set()


def test_a_name_that_stands_for_two_things_is_found():
    kernel, layer = "engines/native/kernels/gemm.py", "layers/linear.py"
    assert shared_names({"Linear": [layer, kernel]}) == {}
    assert set(shared_names({"Linear": [layer, kernel, kernel]})) == {"Linear"}
    assert set(shared_names({"Store": ["lab/perform/store.py", "engines/native/store.py"]})) == {"Store"}
