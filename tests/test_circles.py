"""No module imports another in a circle, neither when it is loaded nor in a function that is called later."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LATER = {  # imports inside functions, without which there would be a circle, with what they are for
    ("koubai.train.recipe", "koubai.train.recipe_file"): "a recipe reads and writes itself",
    ("koubai.train.folder_files", "koubai.train.verify"): "an error tells what of a folder can still be had",
    ("koubai.doctor.visit.finding", "koubai.doctor.answer.markup"): "a finding shows itself in a notebook",
    ("koubai.doctor.answer.tell", "koubai.doctor.answer.markup"): "findings show themselves in a notebook",
    ("koubai.doctor.answer.verdict", "koubai.doctor.answer.markup"): "a verdict shows itself in a notebook",
}


def modules(*sources):
    """Return path by dotted name."""
    return {
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
        for source in sources
        for path in source.rglob("*.py")
    }


KNOWN = modules(ROOT / "src", ROOT / "benchmarks")


def imports(tree, known, *, inside):
    """Return which of the known modules a module imports; `inside` says whether in functions, too."""
    found, waiting = set(), [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += node.body if inside else []
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse  # what only annotations name is never imported
        else:
            waiting += ast.iter_child_nodes(node)
    return found & known.keys()


def circle(known, *, inside):
    """Return the names along a circle of imports, or None."""
    graph = {
        name: imports(ast.parse(path.read_text(encoding="utf-8")), known, inside=inside) - {name}
        for name, path in known.items()
    }
    for importer, imported in LATER if inside else ():
        graph.get(importer, set()).discard(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return None


@pytest.mark.parametrize("inside", [False, True])
def test_nothing_is_imported_in_a_circle(inside):
    assert circle(KNOWN, inside=inside) is None


@pytest.mark.parametrize(("importer", "imported"), LATER)
def test_what_is_imported_later_is_so(importer, imported):
    tree = ast.parse(KNOWN[importer].read_text(encoding="utf-8"))
    assert imported in imports(tree, KNOWN, inside=True)
    assert imported not in imports(tree, KNOWN, inside=False)


def test_a_circle_is_found(tmp_path):
    (tmp_path / "a.py").write_text("import b\n")
    (tmp_path / "b.py").write_text("def f():\n    from c import x\n")
    (tmp_path / "c.py").write_text("import a\n")
    known = modules(tmp_path)
    assert circle(known, inside=False) is None
    assert {"a", "b", "c"} <= set(circle(known, inside=True))
    (tmp_path / "b.py").write_text("if TYPE_CHECKING:\n    import a\n")
    assert circle(known, inside=True) is None
