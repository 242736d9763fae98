"""Programs: training scripts with a header that says what is right of them, sealed by hash.

A program is a Python file whose first lines are a header of comments:

| key    | meaning                                                                                        |
|--------|------------------------------------------------------------------------------------------------|
| truth  | `faulty` or `healthy`                                                                          |
| task   | what it learns, in one line                                                                    |
| wrong  | what is wrong with it (faulty only)                                                            |
| accept | the names of which each is right, or `none` where the doctor has no name for it (faulty only)  |
| after  | the report that it was written after                                                           |
| metric | `higher` or `lower`: which way the last number that it prints is better                        |

`python FILE` runs it, with `--seed N` under another seed, and a faulty one with `--fixed` as its twin, in
which only the fault is mended. The last line that it prints ends with its metric.

A folder may have a file `SEAL`: what `sha256sum *.py` prints. Then its programs must be those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from koubai.core.errors import ConfigError, DataError, Problem
from koubai.doctor.answer.names import resolve
from koubai.words.phrase import phrase

FAULTY, HEALTHY = "faulty", "healthy"
HIGHER, LOWER = "higher", "lower"
SEAL = "SEAL"
_KEYS = ("truth", "task", "wrong", "accept", "after", "metric")
_KEY = re.compile(rf"#\s*({'|'.join(_KEYS)}):\s*(.*)")
_NO_NAME = "none"


@dataclass(frozen=True)
class Program:
    """One training script, and what is right to say of it (`accept` is empty where no name is)."""

    path: Path
    id: str
    hash: str
    faulty: bool
    higher: bool = True
    accept: tuple[str, ...] = ()
    task: str = ""
    wrong: str = ""
    fixes: bool = False
    seeded: bool = False

    def arguments(self, seed: int, *, fixed: bool) -> list[str]:
        """What it is called with."""
        return [*(["--seed", str(seed)] if self.seeded else []), *(["--fixed"] if fixed else [])]

    def runs(self) -> tuple[bool, ...]:
        """Whether each of its runs is the twin's: as it is, and fixed where it has a twin."""
        return (False, True) if self.faulty else (False,)


def own_programs() -> Path:
    """Return the folder of the programs that come with the benchmark."""
    return Path(__file__).parent / "programs"


def read_programs(folder: Path) -> list[Program]:
    """Return the programs of a folder and of those in it, in the order of their paths.

    Raises:
        DataError: there is none, or a folder's programs are not those of its SEAL.
        ConfigError: with every mistake of every header.
    """
    paths = sorted(folder.rglob("*.py"))
    if not paths:
        raise DataError("no_program_in_this_folder", where=str(folder))
    for seal in sorted(folder.rglob(SEAL)):
        _check(seal)
    read = [_read(path, folder) for path in paths]
    problems = [problem for _, found in read for problem in found]
    if problems:
        raise ConfigError(str(folder), problems)
    return [program for program, _ in read]


def hash_of(programs: Iterable[Program]) -> str:
    """Return the hash of a set: of the sorted hashes of its files.

    It is what `sha256sum *.py | cut -c1-64 | sort | sha256sum` prints.
    """
    return sha256("".join(f"{one}\n" for one in sorted(p.hash for p in programs)).encode()).hexdigest()


def _check(seal: Path) -> None:
    """Hold a folder's programs against its seal."""
    lines = (line.split(maxsplit=1) for line in seal.read_text(encoding="utf-8").splitlines() if line.strip())
    sealed = {name.strip().lstrip("*"): digest for digest, name in lines}
    there = {path.name: _digest(path) for path in sorted(seal.parent.glob("*.py"))}
    names = sorted(name for name in sealed | there if sealed.get(name) != there.get(name))
    if names:
        raise DataError("programs_are_not_those_of_the_seal", where=str(seal), names=", ".join(names))


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _read(path: Path, folder: Path) -> tuple[Program, list[Problem]]:
    """Return a program, and what is wrong with its header."""
    text = path.read_text(encoding="utf-8")
    header = _header(text.splitlines())
    name = path.relative_to(folder).with_suffix("").as_posix()
    words = _names(header.get("accept", ""))
    program = Program(
        path=path.resolve(),
        id=name,
        hash=_digest(path),
        faulty=header.get("truth") == FAULTY,
        higher=header.get("metric") != LOWER,
        accept=tuple(dict.fromkeys(found for word in words for found in resolve(word))),
        task=header.get("task", ""),
        wrong=header.get("wrong", ""),
        fixes="--fixed" in text,
        seeded="--seed" in text,
    )
    return program, list(_problems(program, header, words))


def _header(lines: list[str]) -> dict[str, str]:
    """Return the header's values; a comment without a key goes on with the one before."""
    found: dict[str, str] = {}
    key = ""
    for line in lines:
        match = _KEY.match(line)
        if match:
            key = match[1]
            found[key] = match[2].strip()
        elif not line.startswith("#"):
            break
        elif key:
            found[key] = f"{found[key]} {line.lstrip('# ')}".strip()
    for name in ("truth", "metric"):
        if name in found:
            found[name] = found[name].split(maxsplit=1)[0].lower() if found[name] else ""
    return found


def _names(accept: str) -> list[str]:
    """Return the names in a list; what stands behind one, in brackets, is a remark."""
    parts = (part.strip() for part in re.split(r"[,|;]|\bor\b", re.sub(r"\(.*?\)", "", accept)))
    return [part for part in parts if part and part != _NO_NAME]


def _problems(program: Program, header: dict[str, str], words: list[str]) -> Iterator[Problem]:
    wanted = ("truth", "metric", *(("accept",) if program.faulty else ()))
    for key in wanted:
        if not header.get(key):
            yield Problem(program.id, phrase("is_missing", key=key))
    for key, values in (("truth", (FAULTY, HEALTHY)), ("metric", (HIGHER, LOWER))):
        if header.get(key, values[0]) not in values:
            yield Problem(program.id, phrase("is_one_of", key=key, values=" or ".join(values)))
    if program.faulty and not program.fixes:
        yield Problem(program.id, phrase("sick_case_needs_its_fixed_twin"), hint="--fixed")
    for word in words:
        if not resolve(word):
            yield Problem(program.id, phrase("no_diagnosis_is_called", name=word))
