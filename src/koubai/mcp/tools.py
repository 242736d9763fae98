"""What the tools do: each a koubai command on what lies below one folder."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tomlkit

from koubai.core.errors import KoubaiError
from koubai.mcp import compact
from koubai.mcp.child import answer
from koubai.mcp.folder import below, check_data
from koubai.words import say

MOST_ARMS, MOST_SEEDS, MOST_STEPS = 8, 30, 1_000_000
_MOST_CHANGES = 20_000  # characters of all changes together
_UNCHANGED = "unchanged"
_SPARE = 30.0  # seconds beyond the limit, in which an experiment tells what it has


class Tools:
    """Tools for what lies below one folder; `folder` is there."""

    def __init__(self, folder: Path) -> None:
        self._root = folder.resolve()

    async def doctor(
        self,
        target: str,
        arguments: list[str],
        seconds: float,
        *,
        module: bool = False,
        thorough: bool = False,
    ) -> dict[str, Any]:
        """Examine a script, module, recipe or run; return the verdict and how the script ended."""
        words = ["doctor", *(["--thorough"] if thorough else [])]
        folder = self._root
        if module:
            self._find_module(target)
            words += ["-m", target]
        else:
            found = below(self._root, target)
            if found.suffix == ".toml":
                check_data(self._root, _plain(found))
            if found.is_file():
                folder = found.parent if found.suffix == ".toml" else self._root
            words.append(str(found))
        told, code, said = await answer([*words, *(["--", *arguments] if arguments else [])], folder, seconds)
        if "error" in told:
            raise _failure(told["error"])
        ended = {} if code in (0, 3) else {"exit_code": code, "stderr": said}
        return compact.verdict(told) | ended

    def _find_module(self, name: str) -> None:
        """Refuse a module that is not the folder's own."""
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            raise KoubaiError(say("mcp.no_name"), where=repr(name[:100]))
        path = "/".join(parts)
        place = self._root / path
        below(self._root, f"{path}/__main__.py" if place.is_dir() else f"{path}.py")

    def explain(self, name: str, lang: str) -> dict[str, Any]:
        """Return what a word or a diagnosis means."""
        from koubai.doctor.answer.tell import explain
        from koubai.study.glossary import meaning
        from koubai.study.tell import tell_term

        found = meaning(name)
        terms = [{"name": term.key, "text": tell_term(term, lang)} for term in found.terms]
        return {
            "terms": terms,
            "findings": [{"name": each, "text": explain(each, lang)} for each in found.diagnoses],
        }

    async def compare(
        self,
        recipe: str,
        changes: dict[str, dict[str, Any]],
        seeds: int,
        steps: int | None,
        measure: str,
        seconds: float,
    ) -> dict[str, Any]:
        """Run a paired experiment: the recipe unchanged beside each change, on the same seeds."""
        found = below(self._root, recipe)
        base = _plain(found) | ({} if steps is None else {"steps": steps})
        if len(str(changes)) > _MOST_CHANGES:
            raise KoubaiError(say("mcp.too_large"), where="changes", expected=f"<= {_MOST_CHANGES}")
        for name, edits in changes.items():
            if not name.strip() or len(name) > 100 or name == _UNCHANGED:
                raise KoubaiError(say("mcp.arm_name"), where=repr(name[:100]))
            if not edits:
                raise KoubaiError(say("mcp.no_change"), where=name)
        check_data(self._root, [base, changes])
        arms = [{"name": _UNCHANGED, "edits": {}}, *({"name": n, "edits": e} for n, e in changes.items())]
        head = {
            "name": found.stem,
            "seeds": seeds,
            "baseline": _UNCHANGED,
            "measure": measure,
            "budget": seconds,
        }
        with TemporaryDirectory(prefix="koubai-mcp-") as folder:
            file = Path(folder) / "experiment.toml"
            file.write_text(_toml(head | {"recipe": base, "arms": arms}), encoding="utf-8", newline="\n")
            words = ["run", str(file), "--out", str(Path(folder) / "runs")]
            told, _, _ = await answer(words, found.parent, seconds + _SPARE)
        if "error" in told:
            raise _failure(told["error"])
        return compact.comparison(told)


def _plain(recipe: Path) -> dict[str, Any]:
    """Return a recipe as plain values, after it was read whole: its mistakes are told with their lines."""
    from koubai.train.recipe_file import parse_toml, recipe_of, toml_text

    text, _ = toml_text(recipe)
    table, lines = parse_toml(text, recipe.name)
    recipe_of(table, recipe.name, lines)
    return table


def _toml(plain: dict[str, Any]) -> str:
    """Return plain values as TOML.

    Raises:
        KoubaiError: what TOML cannot hold, such as null.
    """
    try:
        return tomlkit.dumps(plain)
    except (ValueError, TypeError, RecursionError) as error:
        raise KoubaiError(say("mcp.no_value"), where="changes", got=str(error)) from None


def _failure(facts: dict[str, Any]) -> KoubaiError:
    """Return the error that a command told."""
    named = {name: facts.get(name) for name in ("where", "expected", "got", "hint")}
    problems = "; ".join(
        " ".join(str(each[key]) for key in ("path", "message", "hint") if each.get(key))
        for each in (facts.get("problems") or [])[:20]
    )
    return KoubaiError(f"{facts['message']}{': ' if problems else ''}{problems}", **named)
