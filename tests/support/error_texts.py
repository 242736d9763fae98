"""Every English text that an error of koubai may show, read off the source without running it.

A text is a string with a `GAP` for each value that is filled in when the error is raised. Conditional
expressions, local variables, constants of the module, loops over constants and functions of koubai that
return text are followed; what cannot be followed is a `Riddle`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path

import koubai

GAP = "\0"
ROOT = Path(koubai.__file__).parent
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
_ERROR = {"message": 0, "where": None, "expected": None, "got": None, "hint": None}
FAMILY: dict[str, dict[str, int | None]] = {
    **dict.fromkeys(("KoubaiError", "ShapeError", "SettingError", "DataError", "EngineError"), _ERROR),
    "RunError": _ERROR,
    "TooLarge": _ERROR,
    "UnknownName": {"kind": 0, "where": None},
    "UnknownSetting": {},
    "ConfigError": {"source": 0},
    "Problem": {"path": None, "message": 1, "hint": 3},
    "Fault": {"message": 1, "hint": 2},
    "Registry": {"kind": 0},
    "EOFError": {"message": 0},
    "BadGzipFile": {"message": 0},
}
_MUST_BE_TEXT = ("message", "hint", "kind")
_SAID = ("say", "reason", "advice")  # what these return is in the catalog
_PASSED_ON = ("message", "hint")  # attributes of errors, read where those were made
_ALSO = {  # functions whose texts reach an error on ways that this reader does not see
    "core/errors.py": ("__str__",),
    "data/download.py": ("_reason",),
    "engines/choose.py": ("why_not_native",),
    "losses/loss.py": ("check", "check_classes"),
}


@dataclass(frozen=True)
class Riddle:
    """An argument whose text stands nowhere in sight."""

    file: str
    function: str
    argument: str


@dataclass
class Found:
    """All texts, each with the first place it comes from; and what could not be read."""

    texts: dict[str, str] = field(default_factory=dict)
    riddles: set[Riddle] = field(default_factory=set)


@dataclass(frozen=True)
class _Module:
    path: Path
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT if self.path.is_relative_to(ROOT) else BENCHMARKS).as_posix()

    def function(self, name: str) -> ast.FunctionDef | None:
        found = (n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef) and n.name == name)
        return next(found, None)

    def constant(self, name: str) -> ast.expr | None:
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == name for target in node.targets
            ):
                return node.value
        return None

    def imported(self, name: str) -> _Module | None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
                path = ROOT.parent / f"{(node.module or '').replace('.', '/')}.py"
                return _module(path) if path.is_file() else None
        return None


@cache
def _module(path: Path) -> _Module:
    return _Module(path, ast.parse(path.read_text(encoding="utf-8")))


def collect() -> Found:
    """Return what all errors raised anywhere in koubai may show."""
    found = Found()
    for path in sorted([*ROOT.rglob("*.py"), *BENCHMARKS.rglob("*.py")]):
        module = _module(path)
        for scope, call in _calls(module.tree):
            _Reader(module, scope, found).read(call)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef) and node.name in _ALSO.get(module.name, ()):
                _Reader(module, node, found).returned()
    return found


def _calls(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Yield every call of the family with the function it stands in."""

    def walk(node: ast.AST, scope: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            inner = child if isinstance(child, ast.FunctionDef) else scope
            if isinstance(child, ast.Call) and _name(child.func) in FAMILY:
                yield inner, child
            yield from walk(child, inner)

    yield from walk(tree, tree)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


@dataclass
class _Reader:
    """Reads the texts of expressions in one function (`scope`) of one module."""

    module: _Module
    scope: ast.AST
    found: Found
    followed: frozenset[str] = frozenset()
    open: list[str] = field(default_factory=list)  # names being read: one may be given what it was before

    def read(self, call: ast.Call) -> None:
        """Note the texts of one error."""
        given = {word.arg: word.value for word in call.keywords}
        for argument, position in FAMILY[_name(call.func)].items():
            value = given.get(argument)
            if value is None and position is not None and position < len(call.args):
                value = call.args[position]
            if isinstance(value, ast.Starred):
                value = None
            if value is not None:
                for text in self.texts(value, argument in _MUST_BE_TEXT):
                    self.note(f"unknown {text} {GAP}" if argument == "kind" else text)
        for value in call.args:
            if isinstance(value, ast.Starred) and isinstance(value.value, ast.Call):
                self.texts(value.value)

    def returned(self) -> None:
        """Note the texts that the function of this scope returns."""
        for node in ast.walk(self.scope):
            if isinstance(node, ast.Return) and node.value is not None:
                values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                for text in set().union(*(self.texts(value) for value in values)):
                    self.note(text)

    def note(self, text: str) -> None:
        """Keep every line of a text."""
        for line in text.splitlines():
            self.found.texts.setdefault(line.strip(), self.place)

    @property
    def place(self) -> str:
        return f"{self.module.name}, {getattr(self.scope, 'name', 'module')}"

    def texts(self, node: ast.expr, must: bool = False) -> set[str]:
        """Return the texts an expression may give; a value is a GAP, noted where it `must` be text."""
        found = {GAP}
        name = node.id if isinstance(node, ast.Name) else ""
        if name in self.open:
            found = set()
        elif (ways := self._ways(node)) is not None:
            self.open += [name] * bool(name)
            found = set().union(*(self.texts(way, must) for way in ways))
            del self.open[len(self.open) - bool(name) :]
        elif isinstance(node, ast.Constant):
            found = {node.value} if isinstance(node.value, str) else set()
        elif isinstance(node, ast.JoinedStr):
            found = {"".join(parts) for parts in product(*map(self._part, node.values))}
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            found = {a + b for a in self.texts(node.left) for b in self.texts(node.right)}
        elif isinstance(node, ast.Call):
            found = self._called(node, _name(node.func), must)
        elif must and not (isinstance(node, ast.Attribute) and node.attr in _PASSED_ON):
            self.puzzled(node)
        return found

    def _ways(self, node: ast.expr) -> list[ast.expr] | None:
        """Return the expressions of which this one is any, None where it is itself."""
        match node:
            case ast.IfExp(body=one, orelse=other):
                return [one, other]
            case ast.BoolOp(values=values):
                return values
            case ast.Name(id=name):
                return self._assigned(name) or self._handed(name) or None
            case ast.Subscript(value=of) if isinstance(held := self._held(of), ast.Dict | ast.Tuple):
                inside = (inner for value in getattr(held, "values", [held]) for inner in ast.walk(value))
                texts = [inner for inner in inside if isinstance(inner, ast.Constant)]
                return [inner for inner in texts if isinstance(inner.value, str)] or None
        return None

    def puzzled(self, node: ast.expr) -> None:
        """Note an argument that cannot be read."""
        where = (self.module.name, getattr(self.scope, "name", "module"))
        self.found.riddles.add(Riddle(*where, ast.unparse(node)))

    def _part(self, node: ast.expr) -> set[str]:
        """Return what one part of an f-string may be; formatted values are gaps."""
        if not isinstance(node, ast.FormattedValue):
            return self.texts(node)
        if node.conversion != -1 or node.format_spec is not None:
            return {GAP}
        return self.texts(node.value) or {GAP}

    def _called(self, node: ast.Call, name: str, must: bool) -> set[str]:
        if name in _SAID:
            return {GAP}
        if name == "str":
            return self.texts(node.args[0], must)
        if name == "join" and isinstance(node.args[0], ast.GeneratorExp):
            parts = self.texts(node.args[0].elt)
            for text in parts:
                self.note(text)
            return {"\n" * any(part.startswith("\n") for part in parts) + GAP}
        home = self.module if self.module.function(name) else self.module.imported(name)
        function = home.function(name) if home else None
        if home is not None and function is not None:
            if name not in self.followed:
                _Reader(home, function, self.found, self.followed | {name}).returned()
        elif must and name != "join":
            self.puzzled(node)
        return {GAP}

    def _assigned(self, name: str) -> list[ast.expr]:
        """Return what a local name, or a constant of the module, may have been given."""
        values: list[ast.expr] = []
        for node in ast.walk(self.scope):
            if isinstance(node, ast.NamedExpr) and node.target.id == name:
                values.append(node.value)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    values += _bound(target, node.value, name)
            elif isinstance(node, ast.For | ast.comprehension):
                over = self._held(node.iter)
                for item in over.elts if isinstance(over, ast.Tuple | ast.List) else ():
                    values += _bound(node.target, item, name)
        constant = self.module.constant(name)
        return values or ([constant] if isinstance(constant, ast.Constant | ast.JoinedStr) else [])

    def _handed(self, name: str) -> list[ast.expr]:
        """Return the texts that calls in this module hand to a parameter of the function read."""
        if not isinstance(self.scope, ast.FunctionDef):
            return []
        place = next((i for i, arg in enumerate(self.scope.args.args) if arg.arg == name), None)
        calls = [
            n
            for n in ast.walk(self.module.tree)
            if isinstance(n, ast.Call) and _name(n.func) == self.scope.name
        ]
        given = [call.args[place] for call in calls if place is not None and place < len(call.args)]
        given += [word.value for call in calls for word in call.keywords if word.arg == name]
        return [value for value in given if isinstance(value, ast.Constant | ast.JoinedStr)]

    def _held(self, node: ast.expr) -> ast.expr | None:
        """Return the literal that an expression stands for: itself, or that of a name."""
        if isinstance(node, ast.Subscript):
            return self._held(node.value)
        if not isinstance(node, ast.Name):
            return node
        local = (
            inner.value
            for inner in ast.walk(self.scope)
            if isinstance(inner, ast.Assign) and any(_name(target) == node.id for target in inner.targets)
        )
        return next(local, None) or self.module.constant(node.id)


def _bound(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    """Yield what `name` gets where `value` is assigned to `target`, through tuples."""
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif (
        isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts)
    ):
        for inner, part in zip(target.elts, value.elts, strict=True):
            yield from _bound(inner, part, name)
