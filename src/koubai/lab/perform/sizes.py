"""Whether the runs of an experiment fit into memory, before the first of them begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from koubai.core.errors import KoubaiError, TooLarge
from koubai.core.memory import require_memory
from koubai.core.params import Array
from koubai.data.dataset import PARTS, Dataset
from koubai.data.levels import Levels
from koubai.engines.sizes import network_bytes
from koubai.lab.perform.work import Task
from koubai.network.network import Network
from koubai.train.recipe import Recipe
from koubai.words.phrase import phrase


def require_memory_of_runs(tasks: Iterable[Task], at_once: int) -> None:
    """Raise TooLarge where one arm, or the largest `at_once` times, needs more memory than there is.

    Data is counted once: runs of one process share it. Whatever else is wrong with an arm is told by its run.
    """
    largest: dict[str, int] = {}
    judged: set[str] = set()
    for task in tasks:
        if task.arm not in judged:
            judged.add(task.arm)
            for recipe in [task.plan] if isinstance(task.plan, Recipe) else task.plan.recipes():
                parts = _bytes(recipe, task.engine, max(1, task.threads), task.data_dir)
                require_memory(parts, phrase("arm_named", name=task.arm))
                largest = max(largest, parts, key=lambda sizes: sum(sizes.values()))
    data = largest.pop("data", 0)
    together = Counter({name: at_once * size for name, size in largest.items()})
    require_memory({**together, "data": data}, phrase("runs_at_once", count=at_once))


def _bytes(recipe: Recipe, engine: str, threads: int, data_dir: Path | None) -> dict[str, int]:
    """Return the bytes of one run; nothing where it cannot be built."""
    try:
        return recipe_bytes(recipe, recipe.data.load(data_dir), engine=engine, threads=threads)
    except TooLarge:
        raise
    except KoubaiError:
        return {}


def recipe_bytes(
    recipe: Recipe, dataset: Dataset, *, engine: str = "auto", threads: int = 1
) -> dict[str, int]:
    """Return the bytes of a run by what they are for (see `koubai.engines.sizes`), and of all its data.

    "auto" is counted as native, which takes the least: what is refused here fits into no engine.
    """
    inputs = [dataset.inputs(part) for part in PARTS]
    held: list[Array] = [x.codes if isinstance(x, Levels) else x for x in inputs]
    held += [getattr(dataset, f"t_{part}") for part in PARTS]
    return network_bytes(
        Network(recipe.network, dataset.in_shape, recipe.initializer),
        batch_size=recipe.batch_size,
        slots=len(recipe.optimizer.slots),
        engine="native" if engine == "auto" and recipe.dtype == "float32" else engine,
        dtype=recipe.dtype,
        threads=threads,
        samples=len(dataset.t_train),
    ) | {"data": sum(array.nbytes for array in held)}
