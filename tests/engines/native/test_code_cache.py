"""Kept machine code is that of the present sources, or is not used; where none can be kept all works."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import koubai
from koubai.engines.native import code_cache
from koubai.engines.native.kernels import loop
from koubai.engines.native.kernels.activations import FUNCTIONS
from koubai.engines.native.kernels.pointwise import in_place

PACKAGE = Path(koubai.__file__).parent

# Kernels that write 3 and 4 to where their block says; the numbers come from a helper in another file.
PROBE = """
from typing import NamedTuple

from koubai.engines.native.kernels.base import doubles, kernel
from koubai.engines.native.kernels.probe_helper import three

class Probe(NamedTuple):
    out: int

@kernel
def probe(b: Probe, thread, team):
    doubles(b.out, 1)[0] = three()

@kernel
def probe_more(b: Probe, thread, team):
    doubles(b.out, 1)[0] = three() + 1.0
"""
HELPER = """
from koubai.engines.native.kernels.base import inline

@inline
def three():
    return 3.0
"""

# Numba is imported once; koubai again in each child, as another process would.
HOST = """
import json, os, sys
import numba, numba.core.registry

def ask():
    import warnings
    import numpy as np
    from numba.core import ccallback
    compiled, compile = [], ccallback.CFunc._compile_uncached
    ccallback.CFunc._compile_uncached = lambda self: compiled.append(self.__name__) or compile(self)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        from koubai.engines.native.kernels import loop, probe
        found = []
        for kernel in (probe.probe, probe.probe_more):
            place = np.zeros(1)
            loop.call(kernel.address, np.array([place.ctypes.data]).ctypes.data)
            found.append(place[0])
    return {"found": found, "compiled": compiled, "said": [str(w.message) for w in said]}

for line in sys.stdin:
    if os.fork() == 0:
        print(json.dumps(ask()), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """Start a host over a copy of the package with the kernels above; yield its folder and a way to ask."""
    place = tmp_path_factory.mktemp("copied")
    shutil.copytree(PACKAGE, place / "koubai", ignore=shutil.ignore_patterns("__pycache__"))
    kernels = place / "koubai/engines/native/kernels"
    (kernels / "probe.py").write_text(PROBE)
    (kernels / "probe_helper.py").write_text(HELPER)
    (place / "file").write_text("no folder")
    hosts = []

    def ask(cache, home="home"):
        name = str(cache), home
        if not hosts or hosts[-1][0] != name:
            more = {"PYTHONPATH": str(place), "NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
            more["XDG_CACHE_HOME"] = str(place / home)
            streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            words = [sys.executable, "-c", HOST]
            hosts.append((name, subprocess.Popen(words, env=os.environ | more, cwd=place, **streams)))
        process = hosts[-1][1]
        print("go", file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())

    yield place, kernels, ask
    for _, process in hosts:
        process.kill()
        process.communicate()


def test_a_changed_helper_is_never_run_in_its_old_form(copied):
    place, kernels, ask = copied
    both = ["probe", "probe_more"]
    assert ask(place / "cache") == {"found": [3, 4], "compiled": both, "said": []}
    assert ask(place / "cache") == {"found": [3, 4], "compiled": [], "said": []}
    helper = kernels / "probe_helper.py"
    before = helper.stat()
    helper.write_text(HELPER.replace("3.0", "7.0"))
    os.utime(helper, ns=(before.st_atime_ns, before.st_mtime_ns))  # size and time as they were
    assert ask(place / "cache") == {"found": [7, 8], "compiled": both, "said": []}
    helper.write_text(HELPER)
    assert ask(place / "cache") == {"found": [3, 4], "compiled": [], "said": []}  # both are kept


def test_damaged_code_is_compiled_anew(copied):
    place, _, ask = copied
    assert ask(place / "cache")["found"] == [3, 4]
    for file in (place / "cache/koubai").glob("probe.probe-*.code"):
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    assert ask(place / "cache") == {"found": [3, 4], "compiled": ["probe"], "said": []}
    assert ask(place / "cache")["compiled"] == []


def test_where_nothing_can_be_kept_all_works_with_one_warning(copied):
    place, kernels, ask = copied
    (kernels / "__pycache__").write_text("no folder")
    answer = ask(place / "file/cache", home="file")
    assert answer["found"] == [3, 4]
    assert answer["compiled"] == ["probe", "probe_more"]
    (said,) = answer["said"]
    assert "NUMBA_CACHE_DIR" in said
    assert str(place / "file/cache") in said


@pytest.mark.parametrize("at", [0, 31, 32, 40, -1])
def test_a_changed_byte_is_no_code(at):
    whole = code_cache.pack("library", "function", b"object\ncode", b"bitcode")
    assert code_cache.unpack(whole) == ("library", "function", b"object\ncode", b"bitcode")
    changed = bytearray(whole)
    changed[at] ^= 8
    assert code_cache.unpack(bytes(changed)) is None
    assert code_cache.unpack(whole[:at]) is None


@pytest.mark.parametrize("setting", ["BOUNDSCHECK", "OPT", "LOOP_VECTORIZE"])
def test_code_made_with_other_settings_is_other_code(monkeypatch, setting):
    usual = code_cache._file_of(loop._crew, "s", {})
    assert usual == code_cache._file_of(loop._crew, "s", {})
    assert usual != code_cache._file_of(loop._crew, "s", {"fastmath": {"nsz"}})
    monkeypatch.setattr(code_cache.config, setting, "other")
    assert usual != code_cache._file_of(loop._crew, "s", {})


def test_a_kernel_from_elsewhere_is_not_kept():
    def elsewhere(args, thread, team):
        pass

    assert code_cache._file_of(elsewhere, "s", {}) is None


def test_kernels_of_one_decorator_are_told_apart_by_their_formulas():
    def elsewhere(u, constant):
        return u

    relu, elu, other = FUNCTIONS["relu"].forward, FUNCTIONS["elu"].forward, in_place(elsewhere)
    files = [code_cache._file_of(kernel.function, "s", {}) for kernel in (relu, elu, other)]
    assert [file and file.kernel for file in files] == ["activations.relu", "activations.elu", None]
    assert files[0].key != files[1].key


def test_kernels_take_nothing_from_outside_their_folder():
    """The digest is that of this folder's sources; what a kernel holds from elsewhere it would not see."""
    for file in code_cache.KERNELS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.startswith("koubai") and name != "koubai.engines.native.code_cache":
                    assert name.startswith("koubai.engines.native.kernels"), (file, name)
