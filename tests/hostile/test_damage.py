"""Folders damaged at random: each leads to the right result, or to an error that names file and way on.

`KOUBAI_DAMAGES=2000 KOUBAI_SEED=1 make test-all` says how many the slow test tries, and from which seed.
"""

import os
import random
from collections import Counter

import pytest

from hostile.cases import model_case, run_cases, store_case
from hostile.damage import KINDS
from hostile.judge import Wrong, attack

COUNT, SEED = int(os.environ.get("KOUBAI_DAMAGES", "2000")), int(os.environ.get("KOUBAI_SEED", "1"))
WEIGHTS = {"store": 3, "model": 1}  # and 1 for each of the run folders


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    place = tmp_path_factory.mktemp("cases")
    made = [*run_cases(place), store_case(place), model_case(place)]
    return [case for case in made for _ in range(WEIGHTS.get(case.name, 2))]


def attacks(cases, count, seed, work):
    """Try `count` damages; return the outcomes by kind, and what went wrong."""
    outcomes, wrong, done, number = Counter(), [], 0, 0
    while done < count:
        rng = random.Random(f"{seed}-{number}")
        case, kind = rng.choice(cases), rng.choice(sorted(KINDS))
        try:
            said, result = attack(case, KINDS[kind], rng, work)
        except Wrong as error:
            said, result = "something", "wrong"
            wrong.append(f"{seed}-{number} {kind}: {error}")
            print(wrong[-1], flush=True)
        done += bool(said)
        outcomes[kind, result] += bool(said)
        number += 1
    return outcomes, wrong


def test_a_damaged_folder_gives_the_right_result_or_a_clear_error(cases, tmp_path):
    outcomes, wrong = attacks(cases, 30, 7, tmp_path / "work")
    assert not wrong
    assert sum(count for (_, result), count in outcomes.items() if result == "told") > 5
    assert sum(count for (_, result), count in outcomes.items() if result == "right") > 1


@pytest.mark.slow
def test_many_damaged_folders(cases, tmp_path):
    outcomes, wrong = attacks(cases, COUNT, SEED, tmp_path / "work")
    for (kind, result), count in sorted(outcomes.items()):
        print(f"{kind:8} {result:6} {count}")
    assert not wrong, f"{len(wrong)} of {COUNT}: " + "\n".join(wrong)
