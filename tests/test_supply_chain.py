"""Nothing is unpickled, evaluated or fetched unasked; downloads are pinned; the bill of materials is true."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from koubai.data.dataset import DATA
from support.host import environment

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/koubai"
FILES = sorted(SOURCE.rglob("*.py"))

# Modules that unpickle, run code or open connections, and where koubai may use them, each for a reason.
MODULES = {
    "pickle": {
        "train/foreign.py",  # the name of an error of torch.load with weights_only
    },
    "runpy": {"doctor/script.py"},  # the script that is named on the command line
    "pooch": {"data/download.py", "data/files.py"},  # the download; the name of the cache folder
    "requests": {"data/download.py"},  # the names of its errors
    "dill": set(), "cloudpickle": set(), "marshal": set(), "shelve": set(), "joblib": set(), "yaml": set(),
    "code": set(), "codeop": set(), "imp": set(), "urllib.request": set(), "ftplib": set(),
    "smtplib": set(), "xmlrpc": set(), "ssl": set(), "aiohttp": set(), "httpx": set(),
    "huggingface_hub": set(),
    "http": {"page/gate.py"},  # cookies are read, statuses have names
    "socket": {"page/serve.py"},  # the one that `koubai serve` listens at
    "webbrowser": {"cli/commands/serve.py"},  # opens the page where --open asks for it
}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
READS = {
    ("np", "load"): "allow_pickle",
    ("numpy", "load"): "allow_pickle",
    ("torch", "load"): "weights_only",
    ("read", "array"): "allow_pickle",
}
# No TLS is offered there; the digest of the file holds all the same.
WITHOUT_TLS = {"fashion-mnist.s3-website.eu-central-1.amazonaws.com"}


def modules_of(node):
    """The modules that a statement or an `import_module` names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        return [base, *(f"{base}.{alias.name}" for alias in node.names)]
    if isinstance(node, ast.Call) and name_of(node.func)[-1] == "import_module" and node.args:
        return [node.args[0].value] if isinstance(node.args[0], ast.Constant) else []
    return []


def name_of(function):
    """The last two parts of the name that is called."""
    if isinstance(function, ast.Attribute):
        owner = function.value
        inner = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
        return inner, function.attr
    return "", getattr(function, "id", "")


def faults(text, place):
    """What this source does that it may not, with its line."""
    found = []
    for node in ast.walk(ast.parse(text)):
        for module in modules_of(node):
            names = [name for name in MODULES if module == name or module.startswith(f"{name}.")]
            found += [f"{node.lineno}: {name}" for name in names if place not in MODULES[name]]
        if not isinstance(node, ast.Call):
            continue
        owner, name = name_of(node.func)
        if not owner and name in CALLS:
            found.append(f"{node.lineno}: {name}()")
        if owner == "os" and (name in {"system", "popen"} or name.startswith(("exec", "spawn"))):
            found.append(f"{node.lineno}: os.{name}()")
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if getattr(given.get("shell"), "value", False):
            found.append(f"{node.lineno}: a shell")
        if (setting := READS.get((owner, name))) is not None:
            value = getattr(given.get(setting), "value", None)
            if value is not (setting == "weights_only"):
                found.append(f"{node.lineno}: {owner}.{name} without {setting}")
    return sorted(set(found))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import pickle", "1: pickle"),
        ("from urllib import request", "1: urllib.request"),
        ("import urllib.request as u", "1: urllib.request"),
        ("from requests.sessions import Session", "1: requests"),
        ("x = eval('1')", "1: eval()"),
        ("importlib.import_module('yaml')", "1: yaml"),
        ("np.load(f)", "1: np.load without allow_pickle"),
        ("np.load(f, allow_pickle=True)", "1: np.load without allow_pickle"),
        ("torch.load(f)", "1: torch.load without weights_only"),
        ("torch.load(f, weights_only=False)", "1: torch.load without weights_only"),
        ("subprocess.run(x, shell=True)", "1: a shell"),
        ("os.system(x)", "1: os.system()"),
    ],
)
def test_each_kind_is_seen(text, said):
    assert faults(text, "x.py") == [said]


@pytest.mark.parametrize(
    "text",
    ["model.eval()", "re.compile('x')", "np.load(f, allow_pickle=False)", "torch.load(f, weights_only=True)"],
)
def test_what_only_looks_like_it_is_let_be(text):
    assert faults(text, "x.py") == []


def test_nothing_is_unpickled_evaluated_or_fetched_unasked():
    said = {
        str(place): found
        for place in (path.relative_to(SOURCE) for path in FILES)
        if (found := faults((SOURCE / place).read_text(encoding="utf-8"), place.as_posix()))
    }
    assert said == {}
    assert len(FILES) > 400


def test_what_may_be_used_is_used():
    """A permission that nobody needs any more is taken away."""
    unused = [
        (module, place)
        for module, places in MODULES.items()
        for place in places
        if not re.search(rf"\b{module}\b", (SOURCE / place).read_text(encoding="utf-8"))
    ]
    assert unused == []


def urls():
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((SOURCE / "data").rglob("*.py")))
    return sorted(set(re.findall(r"\"(https?://[^\"]+)\"", text)))


@pytest.mark.parametrize("url", urls())
def test_downloads_go_over_tls_where_the_mirror_has_it(url):
    parts = urlsplit(url)
    assert parts.scheme == "https" or parts.hostname in WITHOUT_TLS
    assert parts.username is None


def test_every_download_has_a_pinned_digest():
    archives = [source.archive.sha256 for source in DATA.values() if hasattr(source, "archive")]
    files = [file.packed for source in DATA.values() for file in getattr(source, "published", ())]
    assert len(archives) >= 1
    assert len(files) >= 8
    assert [digest for digest in archives + files if not re.fullmatch(r"[0-9a-f]{64}", digest)] == []


def sbom(*words):
    script = [sys.executable, str(ROOT / "scripts/sbom"), *words]
    return subprocess.run(script, check=True, capture_output=True, text=True, env=environment())


def test_the_bill_of_materials_holds_what_is_required_as_it_is_installed():
    made = json.loads(sbom().stdout)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert made["metadata"]["component"]["name"] == "koubai"
    parts = {part["name"]: part for part in made["components"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [Requirement(text) for text in project["dependencies"]]
    direct = {canonicalize_name(each.name) for each in named if not each.marker or each.marker.evaluate()}
    assert direct <= set(parts)
    assert "torch" not in parts
    for name, part in parts.items():
        version = distribution(name).version
        assert (part["version"], part["purl"]) == (version, f"pkg:pypi/{name}@{version}")
        assert part["licenses"]
    refs = {part["bom-ref"] for part in parts.values()}
    for entry in made["dependencies"]:
        assert set(entry["dependsOn"]) <= refs
    assert {entry["ref"] for entry in made["dependencies"]} == refs | {
        made["metadata"]["component"]["bom-ref"]
    }


def test_the_list_of_licenses_has_a_line_for_each_part():
    lines = sbom("--licenses").stdout.splitlines()
    assert len(lines) == 1 + len(json.loads(sbom().stdout)["components"])
    assert "MIT" in lines[0]
