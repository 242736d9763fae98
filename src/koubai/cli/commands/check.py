"""`koubai check`: every mistake of recipes and experiment files at once, and how long they will take."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from koubai.cli.experiments import catalog_name
from koubai.cli.failures import USER_ERROR, error_facts, fail
from koubai.cli.output import console, option, print_json, style, whole
from koubai.core.errors import KoubaiError
from koubai.words import say

if TYPE_CHECKING:
    from koubai.lab.declare.experiment import Experiment

_OF_EXPERIMENTS = {"recipe", "axes", "arms", "claims", "question"}


def check(
    *files: Annotated[str, option("lab.cli.check.file")],
    static: Annotated[bool, option("lab.cli.check.static", negative="")] = False,
    engine: Annotated[str, option("lab.cli.run.engine")] = "auto",
    threads: Annotated[int | None, whole("lab.cli.run.threads")] = None,
    data_dir: Annotated[Path | None, option("lab.cli.run.data_dir")] = None,
    device: Annotated[str, option("cli.run.device")] = "auto",
) -> int:
    """Check files; every arm is trained for a moment, so that it is known to work."""
    if not files:
        raise KoubaiError(say("lab.cli.check.none"), hint="koubai check --help")
    if len(files) == 1:
        _show(_facts(files[0], static, engine, threads, data_dir, device))
        return 0
    code, answers = 0, []
    for file in files:
        try:
            facts = _facts(file, static, engine, threads, data_dir, device)
        except KoubaiError as error:
            code = USER_ERROR
            if style.json:
                answers.append({"file": file, "error": error_facts(error)})
            else:
                fail(error)
            continue
        answers.append({"file": file} | facts)
        if not style.json:
            _show(facts, f"{file}: ")
    if style.json:
        print_json(answers)
    return code


def _facts(
    file: str, static: bool, engine: str, threads: int | None, data_dir: Path | None, device: str
) -> dict[str, Any]:
    """Return what there is to say of a file without mistakes: its runs, their time, warnings.

    Raises:
        KoubaiError: with every mistake of the file.
    """
    from koubai.core.cores import usable_cores
    from koubai.lab.conclude.power import warnings_of
    from koubai.lab.perform.device import settled_device
    from koubai.lab.perform.estimate import estimate

    experiment, alone = _read(file)
    warnings = [] if alone else [sentence.say() for sentence in warnings_of(experiment)]
    if static:
        return {"arms": len(experiment.arms), "seeds": len(experiment.seeds), "warnings": warnings}
    device = settled_device(experiment, engine=engine, device=device, data_dir=data_dir)
    threads = threads or usable_cores()
    found = estimate(experiment, engine=engine, threads=threads, data_dir=data_dir, device=device)
    return asdict(found) | {"runs": found.runs, "warnings": warnings}


def _read(file: str) -> tuple[Experiment, bool]:
    """Return the experiment in a file; of a recipe one with a single run, and True."""
    if Path(file).is_file():
        from koubai.lab.declare.experiment import Arm, Experiment
        from koubai.train.recipe import Recipe
        from koubai.train.recipe_file import parse_toml, toml_text

        table, _ = parse_toml(toml_text(Path(file))[0], file)
        if "network" in table and not _OF_EXPERIMENTS & table.keys():
            recipe = Recipe.from_toml(Path(file))
            return Experiment(Path(file).stem, recipe, (Arm(Path(file).stem),), seeds=(recipe.seed,)), True
    from koubai.lab.order import find_experiment

    return find_experiment(catalog_name(file)), False


def _show(facts: dict[str, Any], before: str = "") -> None:
    """Print what was found of one file."""
    from koubai.lab.declare.measures import Duration

    if style.json:
        print_json(facts)
        return
    text = say("lab.cli.check.read", **facts)
    if "seconds" in facts:
        text = say("lab.cli.check.estimate", time=Duration(facts["seconds"]).say(), **facts)
    for line in (text, *facts["warnings"]):
        console().print(f"{before}{line}", markup=False, soft_wrap=bool(before))
