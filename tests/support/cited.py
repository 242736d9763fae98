"""Words and their sources: which sentences need one, and where one leads."""

import importlib
import re
import tomllib
from importlib.resources import files
from pathlib import Path

from koubai.lab.catalog import catalog_entries

ROOT = Path(__file__).parents[2]
_NAMES = re.compile(r"\b(?:im2col|col2im|SHA-256|\d-D|LeNet-5)\b|(?<=[A-Za-z_])\d+|#1")
_NUMBER = re.compile(
    r"\d|\b(?:half|twice|double|hundredth|thousandth|millionth|\w+fold|million|thousand|hundred)\b"
)
COMPARISON = re.compile(
    r"\b(?:better|worse|faster|slower|best|worst|most|least|more than|less than|fewer"
    r"|usually|always|never|rare(?:ly)?)\b"
)


def bare(text):
    """A text without what is filled in, options and commands, and names with digits."""
    return _NAMES.sub("", re.sub(r"\{[^}]*\}|`[^`]*`|--[a-z][\w-]*(?: [\w.=]*\d\S*)?", "", text))


def needs_a_source(text):
    """Whether there is a number or a comparison."""
    said = bare(text)
    return bool(_NUMBER.search(said) or COMPARISON.search(said))


def said_numbers(text):
    """The numbers of a text as values, but for years."""
    found = re.findall(r"\d[\d,]*\.?\d*|\.\d+", bare(text))
    values = {float(number.replace(",", "").rstrip(".")) for number in found}
    return {value for value in values if not 1900 <= value <= 2100}


def flat(table, path=""):
    for name, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}.{name}" if path else name)
    if "en" in table:
        yield path, table


def entries_of(area):
    return list(flat(tomllib.loads((files("koubai.words") / f"{area}.toml").read_text(encoding="utf-8"))))


def missing(source):
    """What is wrong with a source; None if it leads somewhere."""
    kind, _, rest = source.partition(": ")
    path, _, name = rest.partition("::")
    checks = {
        "by definition": lambda: "",
        "cited": lambda: "" if re.search(r"\b(19|20)\d\d\b", rest) else "no year",
        "run": lambda: "" if rest in {entry.name() for entry in catalog_entries()} else "no such experiment",
        "test": lambda: (
            "" if (ROOT / path).exists() and f"def {name}" in (ROOT / path).read_text() else "no test"
        ),
        "computed": lambda: led_astray(*rest.partition(":")[::2]),
    }
    return checks[kind]() if kind in checks else "no such kind of source"


def led_astray(place, name):
    """What is missing on the way to a module's name; empty if nothing is."""
    try:
        found = importlib.import_module(place)
    except ImportError:
        return "no such module"
    for part in filter(None, name.split(".")):
        if not hasattr(found, part):
            return f"no {part}"
        found = getattr(found, part)
    return ""
